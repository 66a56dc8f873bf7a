"""The role matrix of the API: every operation, by everybody who may ask (tests/roles_api.txt)."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from django.contrib.auth.models import User
from django.db import DEFAULT_DB_ALIAS, connection, connections, transaction
from django.test import Client
from django.urls import URLResolver, get_resolver

from jobs.measures import Tally
from tenants.roles import Role
from tenants.scopes import ALL_SCOPES
from tests.admin_addresses import PARAMETER
from tests.api_deeds import Stage, deeds
from tests.openapi import METHODS, operations
from tests.speech import keyed, problem_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.api_deeds import Deed

pytestmark = pytest.mark.django_db

TABLE = Path(__file__).parents[1] / "roles_api.txt"
WORDS = {
    (401, "not_authenticated"): "401",
    (403, "scope_missing"): "no",
    (404, "sample_not_made"): "no",
}
ROOT, STAFF, NOBODY, FULL = "root", "staff", "nobody", "full"


def table() -> dict[str, dict[str, str]]:
    """By operation and column. A line is `GET /path` and a cell for each column."""
    lines = [line.split() for line in TABLE.read_text(encoding="utf-8").splitlines()]
    _, *columns = next(line for line in lines if line and line[0] == "operation")
    rows = [line for line in lines if line and line[0].isupper()]
    return {f"{row[0]} {row[1]}": dict(zip(columns, row[2:], strict=True)) for row in rows}


@pytest.fixture
def stage(db: None, monkeypatch: pytest.MonkeyPatch) -> Stage:
    """The test is one transaction: a view that gives up a connection in one keeps this."""
    monkeypatch.setitem(connection.settings_dict, "AUTOCOMMIT", False)
    connections[DEFAULT_DB_ALIAS].close_at = None  # a whole run lives longer than it may
    return Stage()


def visitor(who: str, stage: Stage) -> Client:
    """Who is not of the tenant names it."""
    if who == FULL:
        return keyed(stage.world.tenant)
    named = {} if who in set(Role) else {"X-Tenant": str(stage.world.tenant.id)}
    client = Client(headers=named, raise_request_exception=False)
    if who != NOBODY:
        client.force_login(person(who, stage))
    return client


def person(who: str, stage: Stage) -> User:
    if who in set(Role):
        return stage.world.people[Role(who)]
    return User.objects.create_user(who, is_staff=True, is_superuser=who == ROOT)


@pytest.mark.parametrize("who", [*Role, ROOT, STAFF, NOBODY, FULL])
def test_each_may_do_what_the_table_says_and_nothing_else(stage: Stage, who: str) -> None:
    expected = {name: row[who] for name, row in table().items()}
    assert outcomes(visitor(who, stage), stage) == expected


def test_a_key_may_do_what_its_scopes_are_enough_for_and_nothing_else(stage: Stage) -> None:
    """Each scope alone, and together those that something needs together."""
    for scopes in sorted({*ALL_SCOPES, *(row["scope"] for row in table().values())}):
        client = keyed(stage.world.tenant, scopes=scopes.split("+"))
        assert outcomes(client, stage) == enough(set(scopes.split("+"))), scopes


def enough(scopes: set[str]) -> dict[str, str]:
    needed = {name: set(row["scope"].split("+")) for name, row in table().items()}
    return {name: "yes" if scopes >= needed[name] else "no" for name in needed}


def outcomes(client: Client, stage: Stage) -> dict[str, str]:
    """What all of it comes to; what was refused has changed nothing."""
    before = digest()
    found = {str(deed): outcome(deed, client, stage) for deed in deeds()}
    assert differing(before, digest()) == []
    return found


def outcome(deed: Deed, client: Client, stage: Stage) -> str:
    """As if it were the only thing asked: what is done is taken back, what a refusal did stays."""
    with transaction.atomic():
        word = word_for(deed.done_by(client, stage))
        transaction.set_rollback(word == "yes")
    return word


def word_for(answer: Any) -> str:
    if answer.status_code < 400:
        return "yes"
    problem = problem_of(answer)
    return WORDS.get(problem, str(problem))


def digest() -> dict[str, str]:
    """Of every table's rows. That a key was used may be noted, and servers tell what they count."""
    with connection.cursor() as cursor:
        one = "SELECT '{0}', md5(string_agg(row, '' ORDER BY row)) FROM ({1}) AS rows"
        rows = "SELECT (to_jsonb(t) - 'last_used_at')::text AS row FROM {0} AS t"
        tables = {*connection.introspection.table_names(cursor)} - {Tally._meta.db_table}
        cursor.execute(" UNION ALL ".join(one.format(t, rows.format(t)) for t in tables))
        return dict(cursor.fetchall())


def differing(before: dict[str, str], after: dict[str, str]) -> list[str]:
    return sorted(table for table in before if before[table] != after[table])


def test_each_of_these_changes_does_change_something_where_it_is_allowed(stage: Stage) -> None:
    """Else it would say nothing that a refused one changes nothing."""
    client, before = visitor(FULL, stage), digest()
    changes = [deed for deed in deeds() if deed.operation.method != "get"]
    assert [str(deed) for deed in changes if not does_change(deed, client, stage, before)] == []


def does_change(deed: Deed, client: Client, stage: Stage, before: dict[str, str]) -> bool:
    with transaction.atomic():
        deed.done_by(client, stage)
        changed = differing(before, digest())
        transaction.set_rollback(True)
    return bool(changed)


def test_the_table_has_a_row_for_every_operation_and_no_other() -> None:
    assert sorted(table()) == sorted(str(deed) for deed in deeds())


def test_who_may_not_get_it_may_not_ask_how_large_it_is(stage: Stage) -> None:
    client = keyed(stage.world.tenant, scopes=[])
    for deed in deeds():
        if deed.operation.method == "get":
            path = deed.operation.at(stage.ids_for(deed))
            assert client.head(path).status_code == 403, path


def test_no_address_of_the_api_is_left_out_of_what_the_table_goes_by() -> None:
    known = {str(one) for one in operations()}
    answered = set(handled(get_resolver(), "/"))
    assert answered
    assert answered <= known


def handled(resolver: URLResolver, prefix: str) -> Iterator[str]:
    """Each method of each view under the API's address, as the views are, hidden or not."""
    for pattern in resolver.url_patterns:
        route = prefix + str(pattern.pattern)
        if isinstance(pattern, URLResolver):
            yield from handled(pattern, route)
        elif route.startswith("/api/v1/"):
            path = PARAMETER.sub(r"{\2}", route)
            view: Any = pattern.callback
            yield from (f"{m.upper()} {path}" for m in METHODS if hasattr(view.cls, m))
