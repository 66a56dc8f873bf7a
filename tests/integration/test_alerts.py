"""Each alert as Prometheus' own tool reads it: it fires when it should, and is silent before."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from tests.deployment import ROOT
from tests.tools import needs

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

PROMTOOL = shutil.which("promtool")
FOLDER = ROOT / "deploy" / "prometheus"
RUNBOOK = ROOT / "docs" / "runbook.md"
CPU = '{queue="cpu"}'
FIRING = 'max by (alertname) (ALERTS{alertstate="firing"})'
ENDED = 'jobs_ended_total{queue="cpu",kind="synthesize",state="%s"}'
ECHO = 'step_failures_total{engine="echo",code="engine_failed"}'
RENDERS = 'render_seconds_count{engine="echo"}'

needs_promtool = needs("promtool")


def still(value: float) -> str:
    """The same, each minute."""
    return f"{value}x130"


def rising(by: float, begin: float = 0) -> str:
    """So much more each minute."""
    return f"{begin}+{by}x130"


def after(minutes: int, value: float) -> str:
    """Nothing, then this for good."""
    return f"0x{minutes - 1} {value}x130"


def buckets(name: str, labels: str, **rates: float) -> dict[str, str]:
    """A histogram of which so many a minute fall under each bound: le_2_5 is 2.5."""
    bounds = {le.removeprefix("le_").replace("_", "."): rate for le, rate in rates.items()}
    bounds["+Inf"] = max(bounds.values())
    return {f'{name}_bucket{{{labels}le="{le}"}}': rising(rate) for le, rate in bounds.items()}


Series = dict[str, str]


@dataclass(frozen=True)
class Case:
    """Figures under which an alert fires, and others under which none does."""

    fires: Series
    silent: tuple[Series, ...]
    minute: int = 45
    quiet_minute: int = 45
    base: Series = field(default_factory=lambda: {f"workers{CPU}": still(1)})


def line(depth: float, slots: float = 2, used: float = 0, **more: float) -> Series:
    """How a queue stands."""
    figures = {"queue_depth": depth, "queue_slots": slots, "queue_slots_used": used}
    figures |= {"queue_paused": 0.0} | {f"queue_{name}": value for name, value in more.items()}
    return {f"{name}{CPU}": still(value) for name, value in figures.items()}


CASES = {
    "VoicemillNoMetrics": Case({}, ({f"workers{CPU}": still(0)},), base={}),
    "VoicemillNoWorkers": Case(
        line(5, slots=0) | {f"workers{CPU}": still(0)},
        (line(0, slots=0) | {f"workers{CPU}": still(0)},),
    ),
    "VoicemillNothingHandedOut": Case(line(5), (line(5, used=1), line(0), line(5, paused=1))),
    "VoicemillBacklog": Case(
        line(9, used=2, seconds=1300), (line(9, used=2, seconds=1100), line(0, slots=0, seconds=0))
    ),
    "VoicemillOldestWaits": Case(
        line(9, used=2, oldest_seconds=2000),
        (line(9, used=2, oldest_seconds=1000), line(9, oldest_seconds=2000, paused=1)),
    ),
    "VoicemillQueuePaused": Case(line(5, paused=1), (line(5, paused=1),), 65, 55),
    "VoicemillJobsFail": Case(
        {ENDED % "failed": rising(2), ENDED % "succeeded": rising(10)},
        (
            {ENDED % "failed": rising(2), ENDED % "succeeded": rising(40)},
            {ENDED % "failed": rising(0.5), ENDED % "cancelled": rising(9)},
        ),
    ),
    "VoicemillEngineFails": Case(
        {ECHO: rising(2), RENDERS: rising(2)},
        ({ECHO: rising(2), RENDERS: rising(20)}, {ECHO: rising(0.5), RENDERS: still(0)}),
    ),
    "VoicemillEngineSlow": Case(
        buckets("real_time_factor", 'engine="echo",', le_1=1, le_2=9),
        (buckets("real_time_factor", 'engine="echo",', le_0_5=1, le_1=9),),
    ),
    "VoicemillWorkerSilent": Case(
        {'worker_heartbeat_age_seconds{worker="cpu@a",queue="cpu"}': still(90)},
        ({'worker_heartbeat_age_seconds{worker="cpu@a",queue="cpu"}': still(20)},),
    ),
    "VoicemillLeasesLost": Case(
        {f"lost_leases_total{CPU}": after(40, 5)},
        ({f"lost_leases_total{CPU}": after(40, 2)}, {f"lost_leases_total{CPU}": still(50)}),
    ),
    "VoicemillPoison": Case(
        {f"poisoned_total{CPU}": after(20, 1)}, ({f"poisoned_total{CPU}": still(7)},)
    ),
    "VoicemillWritesRefused": Case(
        {'fenced_writes_total{write="finish"}': rising(1)},
        ({'fenced_writes_total{write="finish"}': after(40, 4)},),
    ),
    "VoicemillWebhooksLate": Case(
        {"webhook_oldest_due_seconds": still(200)}, ({"webhook_oldest_due_seconds": still(60)},)
    ),
    "VoicemillWebhookDisabled": Case(
        {'webhook_endpoints_disabled{reason="gone"}': after(30, 1)},
        ({'webhook_endpoints_disabled{reason="gone"}': still(3)},),
    ),
    "VoicemillStoreDown": Case({"store_up": still(0)}, ({"store_up": still(1)},)),
    "VoicemillStoreFails": Case(
        {'store_errors_total{operation="put"}': rising(1)},
        ({'store_errors_total{operation="put"}': after(40, 3)},),
    ),
    "VoicemillStoreSlow": Case(
        buckets("store_seconds", 'operation="put",', le_2_5=1, le_5=9),
        (buckets("store_seconds", 'operation="put",', le_1=1, le_2_5=9),),
    ),
    "VoicemillBrokerDown": Case({"broker_up": still(0)}, ({"broker_up": still(1)},)),
    "VoicemillConnectionsScarce": Case(
        {"database_connections": still(90), "database_connections_max": still(100)},
        ({"database_connections": still(50), "database_connections_max": still(100)},),
    ),
}


def alerts() -> dict[str, dict[str, Any]]:
    groups = yaml.safe_load((FOLDER / "alerts.yaml").read_text(encoding="utf-8"))["groups"]
    return {rule["alert"]: rule for group in groups for rule in group["rules"]}


def promtool(*words: str, cwd: Path = FOLDER) -> str:
    assert PROMTOOL
    done = subprocess.run([PROMTOOL, *words], capture_output=True, text=True, check=False, cwd=cwd)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def told_by_two(series: Mapping[str, str]) -> list[dict[str, str]]:
    """As two API processes tell it: the same figures twice."""
    found = []
    for name, values in series.items():
        bare, _, labels = name.partition("{")
        for instance in ("a", "b"):
            inner = f'instance="{instance}"' + (f",{labels}" if labels else "}")
            found.append({"series": f"voicemill_{bare}{{{inner}", "values": values})
    return found


def asked(series: Mapping[str, str], minute: int, *alert: str) -> dict[str, Any]:
    """A test of promtool's: at this minute these alerts fire, and no others."""
    expected = [{"labels": f'{{alertname="{name}"}}', "value": 1} for name in alert]
    question = {"expr": FIRING, "eval_time": f"{minute}m", "exp_samples": expected}
    return {
        "name": " ".join(alert) or "silent",
        "interval": "1m",
        "input_series": told_by_two(series),
        "promql_expr_test": [question],
    }


def test_each_alert_is_proven_and_has_its_place_in_the_runbook() -> None:
    headings = re.findall(r"^## (\w+)$", RUNBOOK.read_text(encoding="utf-8"), re.MULTILINE)
    assert list(alerts()) == list(CASES) == headings
    for name, rule in alerts().items():
        assert rule["annotations"]["runbook"] == f"docs/runbook.md#{name.lower()}"
        assert rule["labels"]["severity"] in {"critical", "warning"}
        assert rule["annotations"]["summary"]


@needs_promtool
def test_prometheus_accepts_its_files() -> None:
    assert f"{len(alerts())} rules found" in promtool("check", "config", "prometheus.yaml")


@needs_promtool
def test_prometheus_reads_what_the_dashboard_asks(tmp_path: Path) -> None:
    text = (ROOT / "deploy/grafana/voicemill.json").read_text(encoding="utf-8")
    filled = text.replace("$__rate_interval", "5m").replace("$queue", "cpu")
    asked = [
        one["expr"] for panel in json.loads(filled)["panels"] for one in panel.get("targets", ())
    ]
    rules = [{"record": f"panel:{number}", "expr": expr} for number, expr in enumerate(asked)]
    written = {"groups": [{"name": "dashboard", "rules": rules}]}
    (tmp_path / "rules.yaml").write_text(yaml.safe_dump(written), encoding="utf-8")
    assert f"{len(asked)} rules found" in promtool("check", "rules", "rules.yaml", cwd=tmp_path)


@needs_promtool
@pytest.mark.parametrize("name", CASES)
def test_an_alert_fires_alone_and_is_silent_before(tmp_path: Path, name: str) -> None:
    case = CASES[name]
    tests = [asked(case.base | case.fires, case.minute, name)]
    tests += [asked(case.base | quiet, case.quiet_minute) for quiet in case.silent]
    written = {
        "rule_files": [str(FOLDER / "alerts.yaml")],
        "evaluation_interval": "1m",
        "tests": tests,
    }
    (tmp_path / "tests.yaml").write_text(yaml.safe_dump(written), encoding="utf-8")
    promtool("test", "rules", "tests.yaml", cwd=tmp_path)
