"""A tenant's own limits: its own or its tier's, and nobody slips past it."""

from __future__ import annotations

from functools import partial
from http import HTTPStatus
from typing import TYPE_CHECKING

import pytest

from jobs.models import Job
from tenants.audit import PLATFORM
from tenants.limits import LimitReachedError, TenantLimits, limits_of
from tenants.models import Tenant
from tests.ledger import ago, at_once, refusals
from tests.own import add_sample, agree, ask_clone, cloned_voice, own_voice
from tests.speech import keyed, post, problem_of
from tests.trainings import offer_trainer, voice_with_words
from voices.owning.erasing import erase_voice

if TYPE_CHECKING:
    from django.test import Client

    from voices.models import Voice

pytestmark = pytest.mark.django_db


def test_an_own_limit_goes_before_the_tiers_and_none_is_no_limit(tenant: Tenant) -> None:
    assert limits_of(tenant.id) == TenantLimits(None, 10_485_760, 30, 1)
    Tenant.objects.filter(id=tenant.id).update(custom_voices=0, trainings_per_hour=4)
    assert limits_of(tenant.id) == TenantLimits(0, 10_485_760, 30, 4)


def test_a_limit_that_frees_itself_says_when() -> None:
    assert LimitReachedError("voices", 3).status == HTTPStatus.FORBIDDEN
    later = LimitReachedError("trainings", 1, retry_after=60)
    assert (later.status, later.retry_after) == (HTTPStatus.TOO_MANY_REQUESTS, 60)
    assert later.details == {"limit": "trainings", "allowed": 1}


def test_a_tier_without_a_limit_of_voices_says_so(tenant: Tenant, admin_client: Client) -> None:
    shown = admin_client.get(f"/admin/tenants/tenant/{tenant.id}/change/").content.decode()
    for told in (
        "Empty: as many as it likes, as in",
        "Megabytes of a sample",
        "Empty: 10, as in",
        "Clones within an hour",
    ):
        assert told in shown


def ready_to_be_cloned(tenant: Tenant, slug: str) -> Voice:
    voice = own_voice(tenant, slug)
    add_sample(voice)
    agree(voice)
    return voice


@pytest.mark.usefixtures("mimic")
@pytest.mark.django_db(transaction=True)
def test_of_many_clones_asked_for_at_one_time_no_more_begin_than_an_hour_may_have(
    tenant: Tenant,
) -> None:
    Tenant.objects.filter(id=tenant.id).update(clones_per_hour=2)
    voices = [ready_to_be_cloned(tenant, f"v{number}") for number in range(5)]
    assert refusals([partial(ask_clone, voice) for voice in voices]) == [LimitReachedError] * 3
    assert Job.objects.filter(kind="clone").count() == 2


@pytest.mark.usefixtures("mimic")
@pytest.mark.django_db(transaction=True)
def test_of_trainings_at_one_time_one_begins_in_an_hour_and_clones_are_counted_apart(
    tenant: Tenant,
) -> None:
    offer_trainer()
    assert limits_of(tenant.id).trainings_per_hour == 1
    clients = [keyed(tenant) for _ in range(4)]
    for number in range(4):
        voice_with_words(tenant, f"v{number}")

    def ask(number: int) -> int:
        body = {"voice": f"v{number}"}
        return int(post(clients[number], "/api/v1/jobs/train", body).status_code)

    assert sorted(at_once(4, ask)) == [202, 429, 429, 429]
    assert Job.objects.filter(kind="train").count() == 1
    assert ask_clone(ready_to_be_cloned(tenant, "apart"))


@pytest.mark.usefixtures("mimic")
@pytest.mark.django_db(transaction=True)
def test_a_clone_too_many_waits_for_the_hour_even_where_the_first_is_erased(
    tenant: Tenant, mine: Client
) -> None:
    Tenant.objects.filter(id=tenant.id).update(clones_per_hour=1)
    erase_voice(voice=cloned_voice(tenant, "first"), actor=PLATFORM, expected=None)
    ready_to_be_cloned(tenant, "second")
    refused = post(mine, "/api/v1/jobs/clone", {"voice": "second"})
    assert problem_of(refused) == (429, "limit_reached")
    assert 3500 < int(refused.headers["Retry-After"]) <= 3600
    assert refused.json()["limit"] == "clones within an hour"
    Job.objects.update(created_at=ago(hours=1, seconds=1))
    assert post(mine, "/api/v1/jobs/clone", {"voice": "second"}).status_code == 202
    Tenant.objects.filter(id=tenant.id).update(clones_per_hour=0)
    ready_to_be_cloned(tenant, "third")
    never = problem_of(post(mine, "/api/v1/jobs/clone", {"voice": "third"}))
    assert never == (403, "limit_reached")
