"""The measuring itself: whose CPU time counts, who takes a turn when, what a goal means."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

from tests.bench.cpu import Used, cpu_ms, parse_used, peak_mib, tree
from tests.bench.figures import compare, load, save, state, table
from tests.bench.rounds import Arm, take_turns
from tests.bench.texts import Texts

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

BURN = "import time\nwhile time.process_time() < 0.2: pass"
BURN_BELOW = f"""
import subprocess, sys
print(flush=True)
subprocess.run([sys.executable, "-c", {BURN!r}], check=True)
print(flush=True)
input()
"""


def test_a_name_with_brackets_and_spaces_does_not_shift_the_fields() -> None:
    fields = " ".join(str(number) for number in range(4, 30))
    assert parse_used(f"7 (a) (b c) S {fields}") == Used(4, 14 + 15 + 16 + 17)


def test_a_grandchild_that_has_ended_still_counts() -> None:
    command = [sys.executable, "-c", BURN_BELOW]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdin
        assert process.stdout
        process.stdout.readline()
        before = cpu_ms([process.pid])
        process.stdout.readline()
        assert cpu_ms([process.pid]) - before >= 190
        process.stdin.write(b"\n")
        process.stdin.close()


def test_a_tree_holds_a_process_and_what_is_below_it() -> None:
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as child:
        assert {os.getpid(), child.pid} <= set(tree([os.getpid()]))
        assert os.getpid() not in tree([child.pid])
        assert child.stdin
        child.stdin.write(b"\n")
        child.stdin.close()
    assert peak_mib(os.getpid()) > 1


def test_arms_take_turns_and_the_first_round_counts_for_nothing(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("tests.bench.rounds.SETTLE", 0)
    order: list[str] = []

    def arm(name: str) -> Arm:
        def turn() -> float:
            order.append(name)
            return 10

        return Arm(name, turn, {"self": os.getpid()}, before=lambda: order.append("before"))

    arms = [arm("a"), arm("b")]
    take_turns(arms, 2)
    assert order == ["before", "a", "before", "b"] * 3
    assert [len(one.costs) for one in arms] == [2, 2]
    assert "a: " in capsys.readouterr().out


def test_a_goal_bounds_the_ratio_or_without_a_peer_the_figure() -> None:
    assert compare("m", 3, 4, "p", unit="ms", at_most=0.75).met is True
    assert compare("m", 3.1, 4, "p", unit="ms", at_most=0.75).met is False
    assert compare("m", 31, 1, "p", unit="1/s", at_least=30).met is True
    assert state("m", 2, unit="ms", at_most=1).met is False
    assert state("m", 2, unit="ms").met is None


def test_saved_figures_come_back_and_make_a_table(tmp_path: Path) -> None:
    figures = [compare("m", 3, 4, "p", unit="ms", at_most=0.75), state("n", 2, unit="s")]
    save(figures, tmp_path / "bench.json")
    assert load(tmp_path / "bench.json") == figures
    assert load(tmp_path / "none.json") == []
    lines = table(figures).splitlines()
    assert len({len(line) for line in lines}) == 1
    assert "| 0.75  | <= 0.75 | yes |" in lines[2]


def test_texts_have_their_length_and_are_the_same_for_the_same_seed() -> None:
    texts = Texts(7).several(200, 80)
    assert all(70 <= len(text) <= 90 for text in texts)
    assert len(set(texts)) == 200
    assert texts == Texts(7).several(200, 80)
    assert texts != Texts(8).several(200, 80)
