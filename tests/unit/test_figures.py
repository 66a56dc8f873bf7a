"""Every metric that code counts, an alert asks for, or a page explains is one that is declared."""

from __future__ import annotations

import ast
import json
import re
from typing import TYPE_CHECKING, Any

import pytest

from jobs.figures import COUNTER, FIGURES, GAUGE, HISTOGRAM, zeros
from tests.deployment import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator

NAME = re.compile(r"voicemill_[a-z0-9_]+[a-z0-9]")
ROOMS = ("config", "tenants", "jobs", "voices", "personalities", "synthesis_worker")
PANELS = {"row", "timeseries", "stat"}
DASHBOARD = ROOT / "deploy/grafana/voicemill.json"
ASKING = (
    "deploy/grafana/voicemill.json",
    "deploy/prometheus/alerts.yaml",
    "deploy/kubernetes/scaling.yaml",
    "docs/metrics.md",
    "docs/runbook.md",
    "docs/deployment.md",
)


def called(tree: ast.AST) -> Iterator[tuple[str, ast.Call]]:
    """Calls of count and observe, also those that a partial makes later."""
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call) or not node.args:
            continue
        first = node.args[0]
        if isinstance(node.func, ast.Name) and node.func.id in {"count", "observe"}:
            yield node.func.id, node
        elif isinstance(first, ast.Name) and first.id in {"count", "observe"}:
            yield first.id, ast.Call(node.func, node.args[1:], node.keywords)


def counted() -> list[tuple[str, str, tuple[str, ...]]]:
    """How, under which name and with which labels code counts."""
    found = []
    for room in ROOMS:
        for path in (ROOT / room).rglob("*.py"):
            text = path.read_text(encoding="utf-8")
            if path.name == "tallies.py" or "jobs.tallies import" not in text:
                continue
            for how, call in called(ast.parse(text)):
                name = call.args[0]
                assert isinstance(name, ast.Constant), f"{path}: a name that is not written out"
                found.append((how, str(name.value), tuple(str(k.arg) for k in call.keywords)))
    return found


def bare(name: str) -> str:
    """Without what a histogram's parts are called by."""
    return re.sub(r"_(bucket|sum|count)$", "", name) if name not in FIGURES else name


def dashboard() -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads(DASHBOARD.read_text(encoding="utf-8"))
    return loaded


def test_what_is_counted_is_declared_with_its_type_and_labels() -> None:
    for how, name, labels in counted():
        assert name in FIGURES, name
        assert FIGURES[name].type == (COUNTER if how == "count" else HISTOGRAM), name
        assert FIGURES[name].labels == labels, name


def test_what_is_declared_as_counted_is_counted() -> None:
    names = {name for _, name, _ in counted()}
    assert names == {name for name, figure in FIGURES.items() if figure.type != GAUGE}


def test_names_and_labels_are_as_prometheus_wants_them() -> None:
    for name, figure in FIGURES.items():
        assert NAME.fullmatch(name)
        assert name.endswith("_total") == (figure.type == COUNTER), name
        assert not {"le", "instance", "job"} & set(figure.labels), name
        assert figure.help
        assert "\n" not in figure.help


def test_counters_with_known_labels_begin_at_zero() -> None:
    begun = [(name, *labels.values()) for name, labels in zeros(["cpu", "net"])]
    assert len(begun) == len(set(begun))
    assert {("voicemill_cache_hits_total",), ("voicemill_lost_leases_total", "net")} <= set(begun)
    assert ("voicemill_fenced_writes_total", "finish") in begun
    assert not [one for one in begun if one[0] == "voicemill_step_failures_total"]


@pytest.mark.parametrize("file", ASKING)
def test_what_is_asked_for_is_declared(file: str) -> None:
    text = (ROOT / file).read_text(encoding="utf-8")
    names = {bare(name) for name in NAME.findall(text)}
    assert names or file in {"docs/runbook.md", "docs/deployment.md"}
    assert names <= FIGURES.keys()


def test_the_page_explains_each_with_its_type_and_labels() -> None:
    page = (ROOT / "docs/metrics.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| `(voicemill_\w+)(?:\{([\w,]+)\})?` \| (\w+) \| .+ \|$", page, re.M)
    told = {name: (kind, tuple(labels.split(",")) if labels else ()) for name, labels, kind in rows}
    assert len(told) == len(rows)
    assert told == {name: (figure.type, figure.labels) for name, figure in FIGURES.items()}


def test_the_dashboard_shows_each_in_panels_that_today_s_grafana_has() -> None:
    panels = dashboard()["panels"]
    assert {panel["type"] for panel in panels} == PANELS
    assert len({panel["id"] for panel in panels}) == len(panels)
    shown = [panel for panel in panels if panel["type"] != "row"]
    for panel in shown:
        assert panel["fieldConfig"]["defaults"]["unit"], panel["title"]
        assert panel["targets"], panel["title"]
        assert panel["datasource"]["uid"] == "${datasource}"
        for target in panel["targets"]:
            assert re.search(r"(max|min|count|histogram_quantile)\b", target["expr"])
    names = {bare(name) for name in NAME.findall(DASHBOARD.read_text(encoding="utf-8"))}
    assert names == FIGURES.keys()


def test_no_two_panels_lie_on_each_other() -> None:
    taken: set[tuple[int, int]] = set()
    for panel in dashboard()["panels"]:
        place = panel["gridPos"]
        cells = {
            (x, y)
            for x in range(place["x"], place["x"] + place["w"])
            for y in range(place["y"], place["y"] + place["h"])
        }
        assert not cells & taken, panel["title"]
        assert max(x for x, _ in cells) < 24
        taken |= cells
