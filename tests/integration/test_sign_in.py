"""Log-ins are throttled, by name and by address, whoever is behind them."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from django.contrib.auth.hashers import Argon2PasswordHasher
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client

from tenants import people, throttle
from tenants.audit import PLATFORM
from tenants.models import AuditLine, SignInTries
from tenants.roles import Role
from tests.environment import FOLDER, child_environment
from tests.live import live_server
from tests.signing_in import CHANGE, LOGIN, WRONG, knock, let_the_time_pass, spend

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tenants.models import Tenant
    from tests.live import Server

pytestmark = pytest.mark.django_db

RIGHT = "the right one"


@pytest.fixture
def operator(db: None) -> User:
    return User.objects.create_superuser("operator", password=RIGHT)


@pytest.mark.parametrize("name", ["operator", "nobody-of-this-name"])
def test_after_five_failures_of_a_name_even_the_right_password_waits(
    operator: User, name: str
) -> None:
    for number in range(4):
        spend(1, name, address=f"192.0.2.{number}")
    assert knock(name).status_code == 200
    refused = knock(name, RIGHT, address="198.51.100.7")
    assert refused.status_code == 429
    assert 880 <= int(refused["Retry-After"]) <= 900
    assert "try again in 15 min" in refused.content.decode()
    let_the_time_pass(14)
    assert int(knock(name, RIGHT)["Retry-After"]) <= 60
    let_the_time_pass(1.1)
    assert knock(name, RIGHT).status_code == (302 if name == "operator" else 200)


def test_the_wait_begins_with_the_last_failure_and_refusals_do_not_lengthen_it(
    operator: User,
) -> None:
    spend(4, "operator")
    let_the_time_pass(14)
    spend(1, "operator")
    assert int(knock("operator")["Retry-After"]) > 880
    let_the_time_pass(10)
    assert int(knock("operator")["Retry-After"]) <= 300


def test_a_success_resets_the_names_count(operator: User) -> None:
    for _ in range(2):
        spend(4, "operator")
        assert knock("operator", RIGHT).status_code == 302
    spend(5, "operator")
    assert knock("operator", RIGHT).status_code == 429


def test_after_twenty_failures_an_address_waits_and_others_do_not(operator: User) -> None:
    spend(19)
    assert knock("the-twentieth").status_code == 200
    assert knock("operator", RIGHT).status_code == 429
    assert knock("operator", RIGHT, address="192.0.2.2").status_code == 302


def test_who_waits_for_a_name_does_not_spend_the_addresss_tries(operator: User) -> None:
    spend(40, "somebody-stubborn")
    assert knock("operator", RIGHT).status_code == 302


def test_a_home_of_ipv6_is_one_address(operator: User) -> None:
    for number in range(20):
        spend(1, address=f"2001:db8:1:2::{number:x}")
    assert knock("operator", RIGHT, address="2001:db8:1:2:ffff::1").status_code == 429
    assert knock("operator", RIGHT, address="2001:db8:1:3::1").status_code == 302


def test_a_header_that_anybody_can_send_moves_nobody(operator: User) -> None:
    for number in range(20):
        spend(1, said=f"203.0.113.{number}")
    assert knock("operator", RIGHT, said="203.0.113.99").status_code == 429


def test_known_and_unknown_names_are_asked_the_same_of_the_ledger(
    operator: User, django_assert_max_num_queries: Any
) -> None:
    asked = []
    for name in ("operator", "nobody-of-this-name"):
        with django_assert_max_num_queries(20) as queries:
            knock(name)
        asked.append([query["sql"].split("WHERE")[0][:40] for query in queries])
    assert asked[0] == asked[1]


@pytest.mark.parametrize("name", ["operator", "nobody-of-this-name"])
def test_one_password_is_hashed_whether_the_name_is_known_or_not(
    operator: User, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """What takes time takes it for both."""
    hashed = []
    for deed in ("encode", "verify"):
        real = getattr(Argon2PasswordHasher, deed)

        def counted(*given: Any, deed: str = deed, real: Any = real) -> Any:
            hashed.append(deed)
            return real(*given)

        monkeypatch.setattr(Argon2PasswordHasher, deed, counted)
    knock(name)
    assert len(hashed) == 1


def test_what_is_typed_as_a_name_is_kept_nowhere(operator: User) -> None:
    slip = "my password, in the wrong field"
    spend(3, slip)
    for _ in range(3):
        knock(slip)
    with connection.cursor() as cursor:
        for table in ("tenants_signintries", "tenants_auditline", "django_session"):
            cursor.execute(f'SELECT count(*) FROM "{table}" t WHERE t::text LIKE %s', [f"%{slip}%"])  # noqa: S608 - names
            assert cursor.fetchone() == (0,), table
    assert AuditLine.objects.filter(tenant=None, object_name="").count() == 3


def test_failures_and_the_beginning_of_a_wait_are_written_down(tenant: Tenant) -> None:
    people.add_person(tenant=tenant, name="ann", role=Role.OWNER, actor=PLATFORM)
    spend(3, "ann@acme")
    for _ in range(5):
        knock("ann@acme")
    lines = AuditLine.objects.filter(tenant=tenant, action__startswith="sign_in.")
    told = [(line.action, line.object_name, line.detail) for line in lines.order_by("id")]
    where = {"address": "192.0.2.1"}
    assert told == [
        *[("sign_in.failed", "ann@acme", where)] * 2,
        ("sign_in.blocked", "ann@acme", where),
    ]


def test_old_counts_are_swept_away(operator: User) -> None:
    knock("one")
    let_the_time_pass(16)
    knock("two", address="192.0.2.2")
    assert throttle.forget_old_tries(dry_run=True) == 2
    assert throttle.forget_old_tries() == 2
    assert SignInTries.objects.count() == 2


@pytest.fixture(scope="module")
def two_servers(django_db_setup: None) -> Iterator[list[Server]]:
    """Two API processes over one ledger."""
    with (
        live_server(FOLDER, child_environment(COUNT_SECONDS="3600")) as one,
        live_server(FOLDER, child_environment(COUNT_SECONDS="3600")) as other,
    ):
        yield [one, other]


FORMS = {
    "sign_in": (LOGIN, {"username": "operator", "password": WRONG}),
    "password_change": (
        CHANGE,
        {"old_password": WRONG, "new_password1": "new", "new_password2": "new"},
    ),
}


@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("deed", list(FORMS))
def test_of_twenty_tries_at_one_time_at_two_processes_five_are_judged(
    two_servers: list[Server], operator: User, deed: str
) -> None:
    together, inside = threading.Barrier(20), Client()
    if deed == "password_change":
        inside.force_login(operator)
    session = {name: morsel.value for name, morsel in inside.cookies.items()}
    page, form = FORMS[deed]

    def knock_live(number: int) -> int:
        server = two_servers[number % 2]
        with httpx.Client(base_url=server.url, timeout=60, cookies=session) as client:
            client.get(page)
            token = {"csrfmiddlewaretoken": client.cookies["csrftoken"]}
            together.wait()
            return client.post(page, data=form | token, headers={"Origin": server.url}).status_code

    with ThreadPoolExecutor(20) as pool:
        answers = list(pool.map(knock_live, range(20)))
    assert sorted(answers) == [200] * 5 + [429] * 15
    assert AuditLine.objects.filter(action=f"{deed}.failed").count() == 5
    assert AuditLine.objects.filter(action=f"{deed}.blocked").count() == 1
