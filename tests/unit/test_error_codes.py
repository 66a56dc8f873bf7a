"""docs/api.md, and docs/training.md, tell every code that a job may fail with, and no other."""

from __future__ import annotations

import ast
import re
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).resolve().parents[2]
PAGE, TRAINING = (
    (ROOT / "docs" / name).read_text(encoding="utf-8") for name in ("api.md", "training.md")
)
JOBS = PAGE.partition("A job that failed has one of")[2].partition("`ledger_error`")[0]
TOLD = JOBS + TRAINING.partition("## When it fails")[2]
WORKERS = ("gpu_worker", "synthesis_worker")
ALL = (*WORKERS, "jobs", "voices", "personalities", "tenants")
PROBING = ROOT / "synthesis_worker" / "probing"  # its codes are of verdicts: docs/samples.md


def trees(packages: tuple[str, ...]) -> Iterator[ast.Module]:
    for package in packages:
        for file in (ROOT / package).rglob("*.py"):
            if not file.is_relative_to(PROBING):
                yield ast.parse(file.read_text(encoding="utf-8"))


def words(node: ast.AST) -> set[str]:
    constants = (one.value for one in ast.walk(node) if isinstance(one, ast.Constant))
    return {value for value in constants if isinstance(value, str)}


def is_code(node: ast.AST) -> bool:
    """An argument of this name, or a name of a class."""
    if isinstance(node, ast.keyword):
        return node.arg == "code"
    return isinstance(node, ast.Assign) and "code" in map(ast.unparse, node.targets)


def codes(tree: ast.Module) -> set[str]:
    named = (node for node in ast.walk(tree) if is_code(node))
    return {word for node in named for word in words(node)}


def test_the_page_tells_every_code_that_a_worker_gives_a_job() -> None:
    given = {code for tree in trees(WORKERS) for code in codes(tree)}
    assert {"model_damaged", "artifact_outdated", "no_memory", "master_missing"} <= given
    assert given - set(re.findall(r"`(\w+)`", TOLD)) == set()


def test_each_code_that_the_page_tells_of_a_job_is_in_the_sources() -> None:
    rows = re.findall(r"^\| (`[^|]+) \|", TOLD, re.MULTILINE)
    told = {code for row in rows for code in re.findall(r"`(\w+)`", row)}
    assert len(told) > 30
    assert told - {word for tree in trees(ALL) for word in words(tree)} == set()
