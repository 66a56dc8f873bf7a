"""/metrics of a live API: the right figures, nobody's name."""

from __future__ import annotations

import re
import time
from typing import TYPE_CHECKING

import httpx
import pytest

from jobs.states import State
from tests.environment import child_environment
from tests.ledger import a_worker, bring_to
from tests.live import ROOT, live_server

if TYPE_CHECKING:
    from pathlib import Path

    from fleet.services import Services
    from tenants.models import Tenant
    from tests.live import Server

pytestmark = pytest.mark.django_db(transaction=True)


def scrape(server: Server) -> str:
    time.sleep(1.1)  # what was told before is forgotten
    answer = httpx.get(f"{server.url}/metrics")
    assert answer.status_code == 200
    return answer.text


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
    ):
        assert line in lines


def test_no_tenant_and_no_text_is_told(server: Server, tenant: Tenant) -> None:
    job_id = bring_to(tenant, State.QUEUED, request={"text": "canary"})
    told = scrape(server)
    assert 'voicemill_jobs{state="queued"' in told
    for secret in (str(tenant.id), tenant.slug, "canary", str(job_id)):
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
