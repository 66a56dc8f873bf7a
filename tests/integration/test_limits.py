"""A tenant's own limits: its own or its tier's, and nobody slips past the last one."""

from __future__ import annotations

from functools import partial
from http import HTTPStatus
from typing import TYPE_CHECKING

import pytest
from django.db import transaction

from tenants.limits import LimitReachedError, TenantLimits, limits_of, lock_limits
from tenants.models import Tenant
from tests.conftest import make_tenant
from tests.integration.test_people import at_one_time
from voices.models import Voice

if TYPE_CHECKING:
    from django.test import Client

pytestmark = pytest.mark.django_db


def test_an_own_limit_goes_before_the_tiers_and_none_is_no_limit(tenant: Tenant) -> None:
    assert limits_of(tenant.id) == TenantLimits(None, 10_485_760, 1)
    Tenant.objects.filter(id=tenant.id).update(custom_voices=0, trainings_per_hour=4)
    assert limits_of(tenant.id) == TenantLimits(0, 10_485_760, 4)


@pytest.mark.django_db(transaction=True)
def test_of_many_who_count_at_one_time_one_is_the_last_in(db: None) -> None:
    tenant = make_tenant("acme", custom_voices=3)

    def add(number: int) -> None:
        with transaction.atomic():
            allowed = lock_limits(tenant.id).custom_voices
            assert allowed is not None
            if Voice.objects.filter(tenant=tenant).count() >= allowed:
                raise LimitReachedError("voices", allowed)
            Voice.objects.create(tenant=tenant, slug=f"v{number}", name="V", language="en")

    refused = at_one_time([partial(add, number) for number in range(8)])
    assert refused == [LimitReachedError] * 5
    assert Voice.objects.filter(tenant=tenant).count() == 3


def test_a_limit_that_frees_itself_says_when() -> None:
    assert LimitReachedError("voices", 3).status == HTTPStatus.FORBIDDEN
    later = LimitReachedError("trainings", 1, retry_after=60)
    assert (later.status, later.retry_after) == (HTTPStatus.TOO_MANY_REQUESTS, 60)
    assert later.details == {"limit": "trainings", "allowed": 1}


def test_a_tier_without_a_limit_of_voices_says_so(tenant: Tenant, admin_client: Client) -> None:
    shown = admin_client.get(f"/admin/tenants/tenant/{tenant.id}/change/").content.decode()
    for told in ("Empty: as many as it likes, as in", "Megabytes of a sample", "Empty: 10, as in"):
        assert told in shown
