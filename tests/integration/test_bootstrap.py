"""manage.py bootstrap: a way in, kept from one start to the next."""

from __future__ import annotations

import json
from io import StringIO

import pytest
from django.contrib.auth.models import User
from django.core.management import call_command

from tenants.callers import find_caller
from tenants.models import Tier
from voices.management.commands.bootstrap import KNOWN_KEY, KNOWN_PASSWORD

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _tier(db: None) -> None:
    """A migration makes it, and tests before this one may have emptied the tables."""
    Tier.objects.get_or_create(slug="enterprise")


def bootstrap() -> dict[str, str]:
    output = StringIO()
    call_command("bootstrap", stdout=output)
    told: dict[str, str] = json.loads(output.getvalue().splitlines()[-1])
    return told


def test_it_hands_out_a_key_and_a_password_that_work() -> None:
    told = bootstrap()
    assert find_caller(told["api_key"])
    assert User.objects.get(username=told["admin_user"]).check_password(told["admin_password"])


def test_what_is_known_and_works_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    first = bootstrap()
    monkeypatch.setenv(KNOWN_KEY, first["api_key"])
    monkeypatch.setenv(KNOWN_PASSWORD, first["admin_password"])
    assert bootstrap() == first


def test_what_is_known_and_does_not_work_is_replaced(monkeypatch: pytest.MonkeyPatch) -> None:
    first = bootstrap()
    monkeypatch.setenv(KNOWN_KEY, first["api_key"][:-1])
    monkeypatch.setenv(KNOWN_PASSWORD, "guessed")
    second = bootstrap()
    assert find_caller(second["api_key"])
    assert not {"guessed", first["api_key"][:-1]} & set(second.values())
