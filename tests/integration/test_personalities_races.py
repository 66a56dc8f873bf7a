"""What two who change a tenant's personalities at the same moment may not do."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from personalities import services
from personalities.errors import PersonalityNotFoundError
from personalities.models import Personality
from personalities.selectors import find_personality, tenant_personalities
from personalities.settling import settle
from tenants.audit import PLATFORM
from tenants.models import AuditLine
from tenants.versions import VersionChangedError
from tests.ledger import at_once

if TYPE_CHECKING:
    from tenants.models import Tenant

pytestmark = pytest.mark.django_db(transaction=True)

ROUNDS = 6


def primaries(tenant: Tenant) -> int:
    return Personality.objects.filter(tenant=tenant, primary=True).count()


def test_many_who_look_first_give_the_tenant_its_personalities_once(tenant: Tenant) -> None:
    at_once(8, lambda _: settle(tenant.id))
    assert Personality.objects.filter(tenant=tenant).count() == 3
    assert primaries(tenant) == 1
    assert AuditLine.objects.filter(action="personality.settled").count() == 1


def test_whoever_is_made_primary_at_one_time_there_is_one(tenant: Tenant) -> None:
    ids = list(tenant_personalities(tenant.id).values_list("id", flat=True))

    def choose(number: int) -> None:
        for step in range(ROUNDS):
            services.make_primary(
                tenant_id=tenant.id, personality_id=ids[(number + step) % 3], actor=PLATFORM
            )
            assert primaries(tenant) == 1

    at_once(3, choose)
    assert primaries(tenant) == 1


def test_the_mark_is_never_lost_while_it_moves_and_its_bearers_go(tenant: Tenant) -> None:
    ids = list(tenant_personalities(tenant.id).values_list("id", flat=True))

    def act(number: int) -> None:
        named = {"tenant_id": tenant.id, "personality_id": ids[number % 2], "actor": PLATFORM}
        try:
            if number < 2:
                services.make_primary(**named)  # type: ignore[arg-type]
            else:
                services.delete_personality(**named, expected=None)  # type: ignore[arg-type]
        except PersonalityNotFoundError:
            pass
        assert primaries(tenant) == 1

    at_once(4, act)
    assert Personality.objects.get(tenant=tenant).primary


def test_of_many_edits_of_one_version_one_is_made(tenant: Tenant) -> None:
    marcel = find_personality(tenant.id, "marcel")

    def change(number: int) -> bool:
        try:
            services.edit_personality(
                tenant_id=tenant.id,
                personality_id=marcel.id,
                actor=PLATFORM,
                expected=1,
                fields={"name": f"Marcel {number}"},
            )
        except VersionChangedError:
            return False
        return True

    assert sum(map(bool, at_once(5, change))) == 1
    assert find_personality(tenant.id, "marcel").version == 2


def test_the_same_name_at_one_time_is_as_many_slugs(tenant: Tenant) -> None:
    def make(_: int) -> str:
        fields = {"name": "Ada"}
        made = services.create_personality(tenant_id=tenant.id, actor=PLATFORM, fields=fields)
        return made.slug

    assert sorted(map(str, at_once(5, make))) == ["ada", *(f"ada-{n}" for n in range(2, 6))]
