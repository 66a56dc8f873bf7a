"""What is measured, in Prometheus' text format."""

from __future__ import annotations

from typing import TYPE_CHECKING

from jobs.figures import FIGURES, HISTOGRAM, zeros
from jobs.metrics import read_gauges
from jobs.tallies import told_tallies, written

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    Values = Mapping[str, Mapping[str, float]]


def tell_metrics(answering: Mapping[str, bool]) -> str:
    """With what of `answering` answers. Raises DatabaseError where the ledger is away.

    No tenant is named, and nothing of a job. A name that is not declared is not told.
    """
    gauges, values = read_gauges(), told_tallies()
    for what, answers in answering.items():
        gauges.add(f"{what}_up", answers)
    for name, labels in zeros(gauges.queues):
        values[name].setdefault(written(labels), 0.0)
    return "\n".join(_lines(values | gauges.values)) + "\n"


def _lines(values: Values) -> Iterator[str]:
    for name, figure in FIGURES.items():
        yield f"# HELP {name} {figure.help}"
        yield f"# TYPE {name} {figure.type}"
        parts = ("_bucket", "_sum", "_count") if figure.type == HISTOGRAM else ("",)
        for part in parts:
            known = values.get(name + part, {})
            for labels in sorted(known, key=_edge) if part == "_bucket" else known:
                shown = f"{{{labels}}}" if labels else ""
                yield f"{name}{part}{shown} {known[labels]:.15g}"


def _edge(labels: str) -> tuple[str, float]:
    """Buckets in the order of their bounds."""
    others, _, bound = labels.rpartition('le="')
    return others, float(bound.rstrip('"'))
