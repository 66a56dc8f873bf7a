"""python -m tests.chaos: break everything while jobs run, count the harm, and prove the fence."""

from __future__ import annotations

import json
import sys
from argparse import ArgumentParser, Namespace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from tests.chaos.run import Plan, carry_out, counter_proof
from tests.chaos.stage import ROOT

if TYPE_CHECKING:
    from tests.chaos.verdict import Verdict

CALLED_OFF = 130

say = partial(print, flush=True)


def main() -> int:
    asked = _arguments()
    records = asked.out.with_suffix("")
    plan = Plan(asked.jobs, asked.faults, asked.seed, records, not asked.without_fence)
    say(f"{plan.jobs} jobs, {plan.faults} faults, seed {plan.seed}")
    verdict = carry_out(plan, say)
    if verdict is None:
        return CALLED_OFF
    _show(verdict)
    if asked.without_fence:
        return 0 if verdict.harm else 1
    proof = counter_proof(plan, say)
    if proof is None:
        return CALLED_OFF
    _show(proof)
    say("without the fence there is harm" if proof.harm else "NO HARM: nothing is proved")
    told = verdict.as_json() | {"without_fence": proof.as_json()}
    asked.out.write_text(json.dumps(told, indent=2) + "\n", encoding="utf-8")
    return 0 if verdict.holds and proof.harm else 1


def _show(verdict: Verdict) -> None:
    for name, value in verdict.as_json().items():
        say(f"  {name:<13}{value:>8}")


def _arguments() -> Namespace:
    parser = ArgumentParser(prog="python -m tests.chaos", description=__doc__)
    parser.add_argument("--jobs", type=int, default=1_000)
    parser.add_argument("--faults", type=int, default=25)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--without-fence", action="store_true", help="expects harm; writes no file")
    parser.add_argument("--out", type=Path, default=ROOT / "var" / "chaos.json")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
