"""Schemathesis over the OpenAPI file: two thousand cases against the live API and a worker."""

from __future__ import annotations

from ipaddress import ip_network
from itertools import cycle
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import schemathesis
from django.test import override_settings
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis.checks import not_a_server_error
from schemathesis.generation import GenerationMode
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from jobs.webhooks.endpoints import create_endpoint, send_test
from personalities.services import create_personality
from tenants.audit import PLATFORM
from tenants.services import issue_key
from tests.recordings import consent_to, heard, own_voice
from tests.speech import BULK, SYNTHESIZE, wait_for_end
from tests.sse import EVENTS

if TYPE_CHECKING:
    import httpx

    from tenants.models import Tenant
    from tests.live import Server

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow, pytest.mark.timeout(400)]

FILE = Path(__file__).parents[2] / "docs" / "openapi.yaml"
CASES = 2_000
GENERATE = "/voice/generate"  # speaks in the personality's voice
CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]


class Asker:
    """Sends each case with a real key, every other one about things that are really there."""

    def __init__(self, server: Server, token: str, known: dict[str, list[str]]) -> None:
        self.url = server.url
        self.headers = {"Authorization": f"Bearer {token}"}
        self.known = {name: cycle([*ids, None]) for name, ids in known.items()}
        self.voices = cycle(["tester", None])
        self.asked: dict[int, int] = {}

    def ask(self, case: Any) -> None:
        self._aim(case)
        response = case.call(base_url=self.url, headers=self.headers, timeout=30)
        self.asked[response.status_code] = self.asked.get(response.status_code, 0) + 1
        assert response.status_code < 500, case.as_curl_command()
        case.validate_response(response, checks=CHECKS)

    def _aim(self, case: Any) -> None:
        for name, ids in self.known.items():
            if name in (case.path_parameters or {}) and (known := next(ids)):
                case.path_parameters[name] = known
        speaks = isinstance(case.body, dict) and "text" in case.body
        if speaks and GENERATE not in case.path and (voice := next(self.voices)):
            case.body["voice"] = voice


@pytest.fixture
def asker(cpu_worker: None, live: httpx.Client, server: Server, tenant: Tenant) -> Asker:
    items = [{"text": f"Text {number}.", "voice": "tester"} for number in range(3)]
    batch = live.post(BULK, json={"items": items}).json()
    failed = live.post(SYNTHESIZE, json={"text": "Late.", "voice": "tester"}).json()
    live.post(f"/api/v1/jobs/{failed['id']}/cancel")
    ids = [*[line["id"] for line in batch["items"]], failed["id"]]
    for job_id in ids:
        wait_for_end(live, job_id)
    known = {"job_id": ids, "batch_id": [batch["batch_id"]]}
    known |= voices(tenant) | webhooks(tenant) | {"personality": personalities(tenant)}
    return Asker(server, issue_key(tenant=tenant, name="schemathesis").token, known)


def voices(tenant: Tenant) -> dict[str, list[str]]:
    """A stock voice, and one of one's own with samples; a consent names the first of these."""
    voice = own_voice(tenant)
    samples = [heard(voice, state=state) for state in ("accepted", *["warned"] * 4)]
    return {
        "reference": ["tester", voice.slug],
        "sample_id": [str(sample.id) for sample in samples],
        "consent_id": [str(consent_to(samples[0]).id)],
    }


def webhooks(tenant: Tenant) -> dict[str, list[str]]:
    """Enough of them, for some cases delete what they are aimed at. Nobody listens there."""
    with override_settings(WEBHOOK_ALLOWED_NETWORKS=[ip_network("127.0.0.0/8")]):
        hooks = [create_endpoint(tenant_id=tenant.id, url="http://127.0.0.1:9/") for _ in range(5)]
    sent = [send_test(hook) for hook in hooks]
    return {"webhook_id": [str(h.id) for h in hooks], "delivery_id": [str(s.id) for s in sent]}


def personalities(tenant: Tenant) -> list[str]:
    """Enough of them, for some cases delete, too. Each has a voice."""
    made = [
        create_personality(
            tenant_id=tenant.id, actor=PLATFORM, fields={"name": "Ada", "voice": "tester"}
        )
        for _ in range(10)
    ]
    return [*(str(one.id) for one in made[:5]), *(one.slug for one in made[5:])]


def test_two_thousand_cases_find_no_failure_and_no_answer_outside_the_schema(asker: Asker) -> None:
    api: Any = schemathesis.openapi.from_path(FILE)
    found = [one.ok() for one in api.get_all_operations()]
    operations = [one for one in found if one.path != EVENTS]  # a stream that never ends
    each = CASES // len(operations) // 2 + 1
    for operation in operations:
        for mode in (GenerationMode.POSITIVE, GenerationMode.NEGATIVE):
            run(operation.as_strategy(generation_mode=mode), asker, each)
    print(dict(sorted(asker.asked.items())))
    assert sum(asker.asked.values()) >= CASES
    assert {200, 202, 400, 404, 422} <= set(asker.asked)


def run(cases: Any, asker: Asker, most: int) -> None:
    @settings(
        max_examples=most,
        deadline=None,
        database=None,
        derandomize=True,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=cases)
    def ask(case: Any) -> None:
        asker.ask(case)

    ask()
