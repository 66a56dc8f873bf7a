"""Tries at the admin's door, judged or only counted, and the time that passes between them."""

from __future__ import annotations

import secrets
from datetime import timedelta
from typing import Any

from django.db.models import F
from django.test import Client, RequestFactory

from tenants import throttle
from tenants.models import SignInTries

LOGIN, CHANGE = "/admin/login/", "/admin/password_change/"
WRONG = "a wrong one"


def knock(name: str, password: str = WRONG, address: str = "192.0.2.1", said: str = "") -> Any:
    """`said`: where the client says that it comes from."""
    form = {"username": name, "password": password}
    headers = {"X-Forwarded-For": said} if said else {}
    return Client().post(LOGIN, form, REMOTE_ADDR=address, headers=headers)


def spend(times: int, name: str = "", address: str = "192.0.2.1", said: str = "") -> None:
    """Failures without the cost of a password; without a name each has one of its own."""
    for _ in range(times):
        headers = {"X-Forwarded-For": said} if said else {}
        request = RequestFactory().post(LOGIN, REMOTE_ADDR=address, headers=headers)
        throttle.count_try(throttle.Try.of(request, name or secrets.token_hex()))


def let_the_time_pass(minutes: float) -> None:
    """As if what was counted had been counted earlier."""
    earlier = F("counted_from") - timedelta(minutes=minutes)
    SignInTries.objects.update(counted_from=earlier)
