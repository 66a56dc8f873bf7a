"""Keys at the door: which are let in, for how long, and to what."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from django.test import Client
from django.utils import timezone

from tenants.callers import forget_callers
from tenants.models import ApiKey, Tenant
from tenants.scopes import ALL_SCOPES, Scope
from tenants.services import TooManyKeysError, issue_key, revoke_key, rotate_key
from tests.conftest import make_tenant
from tests.speech import BULK, JOBS, SYNTHESIZE, keyed, post, problem_of

if TYPE_CHECKING:
    from tenants.services import IssuedKey

pytestmark = pytest.mark.django_db(transaction=True)


def status_with(authorization: str) -> int:
    forget_callers()
    client = Client(headers={"Authorization": authorization}, raise_request_exception=False)
    answer = client.get(JOBS)
    if answer.status_code != 200:
        assert problem_of(answer)[0] == answer.status_code
    return answer.status_code


def works(issued: IssuedKey) -> bool:
    return status_with(f"Bearer {issued.token}") == 200


def test_without_a_key_nothing_is_shown_and_the_answer_says_how_to_bring_one(api: Client) -> None:
    answer = Client().get(JOBS)
    assert problem_of(answer) == (401, "not_authenticated")
    assert answer.headers["WWW-Authenticate"].startswith("Bearer")


def test_a_key_with_any_part_changed_is_refused(tenant: Tenant) -> None:
    token = issue_key(tenant=tenant, name="a").token
    other = issue_key(tenant=tenant, name="b").token
    prefix, key_id, secret = token.split("_", 2)
    assert status_with(f"Bearer {token}") == 200
    assert status_with(f"bearer  {token} ") == 200
    wrong = [
        f"{prefix}_{key_id}_{secret[:-1]}{'a' if secret[-1] != 'a' else 'b'}",
        f"{prefix}_{key_id}_",
        f"{prefix}_{key_id}",
        f"xx_{key_id}_{secret}",
        f"{prefix}_{key_id}_{other.split('_', 2)[2]}",
        f"{prefix}__{secret}",
        "",
        "vm_\xff_\xfe",
        f"{token}\x00",
        "vm_" + "x" * 5000,
    ]
    assert {status_with(f"Bearer {one}") for one in wrong} == {401}
    assert status_with(f"Basic {token}") == 401
    assert status_with(token) == 401


def test_the_secret_is_nowhere_in_the_database(tenant: Tenant) -> None:
    issued = issue_key(tenant=tenant, name="a")
    secret = issued.token.split("_", 2)[2]
    stored = ApiKey.objects.values().get(id=issued.key.id)
    assert not any(secret in str(value) for value in stored.values())


def test_a_revoked_key_ends_and_the_others_go_on(tenant: Tenant) -> None:
    first, second = (issue_key(tenant=tenant, name=name) for name in "ab")
    assert revoke_key(key=first.key) is True
    assert revoke_key(key=first.key) is False
    assert (works(first), works(second)) == (False, True)


def test_an_expired_key_ends_at_its_moment(tenant: Tenant) -> None:
    issued = issue_key(tenant=tenant, name="a")
    ApiKey.objects.update(expires_at=timezone.now() + timedelta(hours=1))
    assert works(issued)
    ApiKey.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
    assert not works(issued)


def test_after_a_rotation_both_keys_work_until_the_grace_is_over(tenant: Tenant) -> None:
    old = issue_key(tenant=tenant, name="a", scopes=[Scope.JOBS_READ])
    new = rotate_key(key=old.key, grace=timedelta(hours=1))
    assert (works(old), works(new)) == (True, True)
    assert new.key.scopes == [Scope.JOBS_READ]
    ApiKey.objects.filter(id=old.key.id).update(expires_at=timezone.now())
    assert (works(old), works(new)) == (False, True)


def test_a_third_live_key_of_one_name_is_refused(tenant: Tenant) -> None:
    new = rotate_key(key=issue_key(tenant=tenant, name="a").key)
    with pytest.raises(TooManyKeysError):
        rotate_key(key=new.key)


def test_the_keys_of_a_tenant_that_was_switched_off_end(tenant: Tenant) -> None:
    issued = issue_key(tenant=tenant, name="a")
    Tenant.objects.update(active=False)
    assert not works(issued)


def test_the_use_of_a_key_is_noted(tenant: Tenant) -> None:
    issued = issue_key(tenant=tenant, name="a")
    assert issued.key.last_used_at is None
    works(issued)
    assert ApiKey.objects.get(id=issued.key.id).last_used_at is not None


NEEDED = [
    (Scope.JOBS_READ, "get", JOBS),
    (Scope.JOBS_WRITE, "post", SYNTHESIZE),
    (Scope.JOBS_WRITE, "post", BULK),
    (Scope.VOICES_READ, "get", "/api/v1/voices"),
    (Scope.USAGE_READ, "get", "/api/v1/usage"),
]


@pytest.mark.parametrize(("scope", "method", "path"), NEEDED)
def test_a_key_without_the_scope_is_refused_and_with_it_let_in(
    scope: Scope, method: str, path: str, tenant: Tenant
) -> None:
    others = [other for other in ALL_SCOPES if other != scope]
    without, with_it = keyed(tenant, scopes=others), keyed(tenant, scopes=[scope])
    assert problem_of(getattr(without, method)(path)) == (403, "scope_missing")
    assert getattr(with_it, method)(path).status_code in {200, 415}


def test_a_method_an_address_does_not_know_is_405(api: Client) -> None:
    answer = api.delete(JOBS)
    assert problem_of(answer) == (405, "method_not_allowed")
    assert "GET" in answer.headers["Allow"]


def test_a_free_tier_has_no_speech(tenant: Tenant) -> None:
    free = make_tenant("free")
    free.tier = type(free.tier).objects.create(slug="silent", name="Silent", speaks=False)
    free.save()
    answer = post(keyed(free), SYNTHESIZE, {"text": "Hello."})
    assert problem_of(answer) == (403, "tier_without_voice")
