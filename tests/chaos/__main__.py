"""python -m tests.chaos: break everything while jobs run, count the harm, and prove the fence."""

from __future__ import annotations

import json
import sys
from argparse import ArgumentParser, Namespace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from tests.chaos.run import Plan, carry_out
from tests.chaos.stage import ROOT

if TYPE_CHECKING:
    from tests.chaos.verdict import Verdict

COUNTER_PROOF = ("stop_past_lease", "stop_past_lease")
COUNTER_JOBS = 40
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
    proof = _counter_proof(plan)
    if proof is None:
        return CALLED_OFF
    told = verdict.as_json() | {"without_fence": proof.as_json()}
    asked.out.write_text(json.dumps(told, indent=2) + "\n", encoding="utf-8")
    return 0 if verdict.holds and proof.harm else 1


def _counter_proof(plan: Plan) -> Verdict | None:
    """Frozen workers again, without the fence: what it prevents must happen."""
    say("\nthe counter-proof: the same with the fence taken out")
    kinds = COUNTER_PROOF
    records = plan.records.with_name(f"{plan.records.name}-without-fence")
    bare = Plan(COUNTER_JOBS, len(kinds), plan.seed, records, False, kinds)
    if (verdict := carry_out(bare, say)) is not None:
        _show(verdict)
        say("without the fence there is harm" if verdict.harm else "NO HARM: nothing is proved")
    return verdict


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
