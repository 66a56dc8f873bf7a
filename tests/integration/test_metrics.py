"""/metrics of a live API: the right figures, in Prometheus' format, and nobody's name."""

from __future__ import annotations

import re
import socket
import time
from contextlib import ExitStack, closing, contextmanager
from typing import TYPE_CHECKING

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from jobs.figures import COUNTER, FIGURES, GAUGE
from jobs.services.claims import fail_step
from jobs.states import State
from jobs.tallies import tallies
from jobs.webhooks import endpoints
from tenants.services import issue_key
from tests.environment import child_environment
from tests.ledger import PERMANENT, a_worker, bring_to, lose, submit, take
from tests.live import ROOT, live_server, own_stack, wait_until
from tests.speech import BULK, SYNTHESIZE, wait_for_end

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from prometheus_client import Metric

    from fleet.services import Services
    from tenants.models import Tenant
    from tests.live import Server
    from tests.receivers import Receiver

pytestmark = pytest.mark.django_db(transaction=True)

OWN = {"voicemill_store_up", "voicemill_broker_up"}  # what each process says for itself


def scrape(server: Server) -> str:
    time.sleep(1.1)  # what was told before is forgotten
    answer = httpx.get(f"{server.url}/metrics")
    assert answer.status_code == 200
    return answer.text


def families(told: str) -> dict[str, Metric]:
    return {metric.name: metric for metric in text_string_to_metric_families(told)}


def figures(told: str) -> dict[str, float]:
    """All that was told, as lines tell it."""
    lines = [line for line in told.splitlines() if not line.startswith("#")]
    found = {name: float(value) for name, _, value in (line.rpartition(" ") for line in lines)}
    assert len(found) == len(lines), "a figure was told twice"
    return found


def test_the_figures_are_those_of_the_ledger(server: Server, tenant: Tenant) -> None:
    a_worker("cpu", slots=3)
    for state in (State.QUEUED, State.RUNG, State.RUNNING, State.SUCCEEDED):
        bring_to(tenant, state, cost=2.5, request={"text": "canary"})
    lines = scrape(server).splitlines()
    for line in (
        'voicemill_jobs{state="queued",kind="nap"} 1',
        'voicemill_jobs{state="running",kind="nap"} 1',
        'voicemill_queue_seconds{queue="cpu"} 5',
        'voicemill_queue_depth{queue="cpu"} 2',
        'voicemill_queue_slots{queue="cpu"} 3',
        'voicemill_queue_slots_used{queue="cpu"} 1',
        'voicemill_workers{queue="cpu"} 1',
        'voicemill_queue_seconds{queue="net"} 0',
        'voicemill_queue_paused{queue="cpu"} 0',
        'voicemill_worker_heartbeat_age_seconds{worker="cpu@nowhere",queue="cpu"} 0',
        'voicemill_worker_memory_bytes{worker="cpu@nowhere",queue="cpu"} 0',
        'voicemill_worker_draining{worker="cpu@nowhere",queue="cpu"} 0',
        'voicemill_webhook_deliveries{state="due"} 0',
        'voicemill_webhook_endpoints_disabled{reason="gone"} 0',
        "voicemill_store_up 1",
        "voicemill_broker_up 1",
    ):
        assert line in lines


def test_what_is_told_is_what_is_declared_in_the_format_of_prometheus(
    server: Server, tenant: Tenant
) -> None:
    a_worker("cpu")
    assert take(submit(tenant))
    tallies.tell()
    told = scrape(server)
    parsed = families(told)
    for name, figure in FIGURES.items():
        metric = parsed.pop(name.removesuffix("_total") if figure.type == COUNTER else name)
        assert (metric.type, metric.documentation) == (figure.type, figure.help), name
        for sample in metric.samples:
            assert set(sample.labels) - {"le"} == set(figure.labels), name
        if figure.type == GAUGE:
            assert metric.samples, name
    assert parsed == {}
    assert figures(told)['voicemill_wait_seconds_count{queue="cpu"}'] == 1
    bounds = re.findall(r'voicemill_wait_seconds_bucket{queue="cpu",le="(.+?)"}', told)
    assert bounds == sorted(bounds, key=float)


def test_rare_counters_are_told_before_they_first_happen(server: Server, tenant: Tenant) -> None:
    submit(tenant)
    told = figures(scrape(server))
    for name in (
        'lost_leases_total{queue="cpu"}',
        'poisoned_total{queue="net"}',
        'fenced_writes_total{write="finish"}',
        'store_errors_total{operation="put"}',
        'webhook_attempts_total{outcome="failed"}',
        "cache_hits_total",
    ):
        assert told[f"voicemill_{name}"] == 0


def test_no_tenant_and_no_text_is_told(
    quick_server: Server, tenant: Tenant, speech: None, quick_webhooks: None
) -> None:
    """Whatever is counted on the way of a text: as it is accepted, refused, failed, lost, told."""
    token = issue_key(tenant=tenant, name="tests").token
    body = {"text": "canary", "voice": "tester"}
    key = {"Idempotency-Key": "canary-key"}
    with quick_server.client(token) as live:
        for headers in (key, key, {}):
            assert live.post(SYNTHESIZE, json=body, headers=headers).is_success
    hook = endpoints.create_endpoint(tenant_id=tenant.id, url="http://127.0.0.1:9/canary-hook")
    endpoints.send_test(hook)
    job_id = bring_to(tenant, State.QUEUED, request={"text": "canary"})
    fail_step(take(job_id), PERMANENT)
    lose(lost := submit(tenant, personality_id="canary-person"))
    tallies.tell()
    wait_until(lambda: 'accepted_total{kind="synthesize"} 2' in scrape(quick_server), seconds=20)
    told = scrape(quick_server)
    assert 'voicemill_step_failures_total{engine="echo",code="unsupported"} 1' in told
    assert 'voicemill_webhook_deliveries{state="pending"} 1' in told
    ours = (tenant.id, tenant.slug, "canary", job_id, lost, hook.id, "127.0.0.1", "tester")
    for secret in (*map(str, ours), token, token[:12]):
        assert secret not in told


def test_an_answer_is_kept_for_a_second(server: Server, tenant: Tenant) -> None:
    bring_to(tenant, State.QUEUED)
    before = scrape(server)
    bring_to(tenant, State.QUEUED)
    assert httpx.get(f"{server.url}/metrics").text == before
    assert scrape(server) != before


def test_what_the_autoscaler_asks_for_is_told(server: Server, tenant: Tenant) -> None:
    bring_to(tenant, State.QUEUED)
    scaling = (ROOT / "deploy/kubernetes/scaling.yaml").read_text(encoding="utf-8")
    names = set(re.findall(r"voicemill_\w+", scaling))
    told = scrape(server)
    assert names
    assert all(f"\n{name}{{" in told for name in names)


def test_without_the_ledger_it_is_503(services: Services, tmp_path: Path) -> None:
    nowhere = child_environment(DATABASE_URL="postgres://nobody:x@127.0.0.1:1/nothing")
    with live_server(tmp_path, nowhere) as alone:
        assert httpx.get(f"{alone.url}/metrics").status_code == 503


@contextmanager
def silent(count: int) -> Iterator[Sequence[int]]:
    """Ports on which somebody listens and never answers."""
    with ExitStack() as stack:
        listeners = [socket.create_server(("127.0.0.1", 0), backlog=64) for _ in range(count)]
        yield [stack.enter_context(closing(one)).getsockname()[1] for one in listeners]


def test_a_store_and_a_broker_that_hang_are_told_and_hold_up_no_scrape(
    server: Server, tenant: Tenant, tmp_path: Path
) -> None:
    """What the ledger says is told as by any other process."""
    bring_to(tenant, State.SUCCEEDED)
    bring_to(tenant, State.QUEUED)
    tallies.tell()
    with silent(2) as (store, broker):
        hanging = child_environment(
            S3_ENDPOINT=f"http://127.0.0.1:{store}",
            S3_ACCESS_KEY="x",
            S3_SECRET_KEY="x",
            REDIS_URL=f"redis://127.0.0.1:{broker}/0",
        )
        with live_server(tmp_path, hanging) as other:
            began = time.monotonic()
            there = figures(httpx.get(f"{other.url}/metrics").text)
            assert time.monotonic() - began < 4
    assert {there.pop(name) for name in OWN} == {0}
    here = figures(scrape(server))
    assert {here.pop(name) for name in OWN} == {1}
    assert steady(here) == steady(there)


def steady(told: dict[str, float]) -> dict[str, float]:
    """Without what time alone moves."""
    return {
        name: value
        for name, value in told.items()
        if not re.search(r"(oldest_seconds|heartbeat_age|database_connections)", name)
    }


@pytest.mark.slow
def test_texts_are_counted_on_their_way_through_every_process(
    tmp_path: Path, good: Receiver
) -> None:
    """Three are spoken, one is joined, one fails; one was said before, and a receiver is told."""
    engine = {"ENGINES": "espeak=tests.moody_engine:MoodyEngine"}
    here = {"WEBHOOK_ALLOWED_NETWORKS": "127.0.0.0/8"}
    with own_stack(tmp_path, **engine, **here) as stack, stack.client() as client:
        wait_until(
            lambda: all(name in scrape(stack.server) for name in FIRST), what="the first job"
        )
        before = figures(scrape(stack.server))
        texts = ("One.", "Two.", "Two.", "Three.", "The unspeakable.")
        answer = client.post(BULK, json={"items": [{"text": text} for text in texts]})
        for job in answer.json()["items"]:
            wait_for_end(client, job["id"])
        again = {"text": "One.", "webhook_url": good.url}
        assert client.post(SYNTHESIZE, json=again).status_code == 200
        moved = difference(stack.server, before)
        wait_until(lambda: difference(stack.server, before) == MOVED, what=f"{MOVED}, not {moved}")


FIRST = ('jobs_accepted_total{kind="synthesize"} 1', 'kind="synthesize",state="succeeded"} 1')
MOVED = {
    'voicemill_jobs_accepted_total{kind="synthesize"}': 6,
    'voicemill_jobs_ended_total{queue="cpu",kind="synthesize",state="succeeded"}': 4,
    'voicemill_jobs_ended_total{queue="cpu",kind="synthesize",state="failed"}': 1,
    'voicemill_jobs_ended_total{queue="none",kind="synthesize",state="succeeded"}': 1,
    "voicemill_cache_hits_total": 1,
    "voicemill_single_flight_joins_total": 1,
    'voicemill_step_failures_total{engine="espeak",code="unsupported"}': 1,
    'voicemill_render_seconds_count{engine="espeak"}': 3,
    'voicemill_real_time_factor_count{engine="espeak"}': 3,
    'voicemill_wait_seconds_count{queue="cpu"}': 5,
    'voicemill_claim_seconds_count{queue="cpu"}': 5,
    'voicemill_store_seconds_count{operation="put"}': 6,
    'voicemill_webhook_attempts_total{outcome="delivered"}': 1,
    "voicemill_webhook_seconds_count": 1,
}


def difference(server: Server, before: dict[str, float]) -> dict[str, float]:
    """By how much each count has moved since then."""
    counts = {
        name: value - before.get(name, 0)
        for name, value in figures(scrape(server)).items()
        if re.search(r"_(total|count)\b", name) and "audio_seconds" not in name
    }
    return {name: value for name, value in counts.items() if value}
