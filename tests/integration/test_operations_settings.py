"""Settings of a deployment: the checks find nothing, TLS is insisted on, and keys are replaced."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pytest
from django.contrib.auth.models import User
from django.test import Client

from tests.deployment import KUBERNETES, ROOT
from voices.storage import folder_store
from voices.store.errors import LinkInvalid

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pytest_django import Settings

NEW = "the-key-that-takes-over-which-is-as-long-as-the-one-before-it"
NAME = f"{'0' * 8}-0000-7000-8000-{'0' * 12}/00/{'0' * 64}.wav"


def settings_of_kubernetes() -> dict[str, str]:
    lines = (KUBERNETES / "settings.env").read_text().splitlines()
    return dict(line.split("=", 1) for line in lines if line and not line.startswith("#"))


def checked(**changed: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "manage.py", "check", "--deploy", "--fail-level", "WARNING"],
        cwd=ROOT,
        env=os.environ | settings_of_kubernetes() | changed,
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_deploy_check_finds_nothing_in_the_settings_of_a_deployment() -> None:
    done = checked()
    assert done.returncode == 0, done.stderr


def test_the_deploy_check_finds_what_is_wrong() -> None:
    for changed in ({"DEBUG": "on"}, {"SECRET_KEY": "short"}, {"SECRET_KEY_FALLBACKS": "short"}):
        assert checked(**changed).returncode != 0, changed


@pytest.fixture
def person(db: None) -> Client:
    """Somebody who has signed in to the admin."""
    client = Client()
    client.force_login(User.objects.create_superuser("person"))
    assert client.get("/admin/").status_code == 200
    return client


@pytest.fixture
def _links_as_set() -> Iterator[None]:
    folder_store.cache_clear()
    yield
    folder_store.cache_clear()


def test_who_has_signed_in_stays_so_while_the_key_is_replaced(
    person: Client, settings: Settings
) -> None:
    settings.SECRET_KEY, settings.SECRET_KEY_FALLBACKS = NEW, [settings.SECRET_KEY]
    assert person.get("/admin/").status_code == 200
    settings.SECRET_KEY_FALLBACKS = []  # a session was signed anew as it was used
    assert person.get("/admin/").status_code == 200


def test_without_the_key_of_before_everybody_signs_in_again(
    person: Client, settings: Settings
) -> None:
    settings.SECRET_KEY = NEW
    assert person.get("/admin/").status_code == 302


@pytest.mark.usefixtures("_links_as_set")
def test_links_to_audio_outlive_the_key_that_signed_them(settings: Settings) -> None:
    link = folder_store().link(NAME, seconds=60, file_name="a.wav", media_type="audio/wav")
    query = urlsplit(link).query
    before = settings.SECRET_KEY
    settings.SECRET_KEY = NEW
    folder_store.cache_clear()
    with pytest.raises(LinkInvalid):
        folder_store().verify_link(NAME, query)
    settings.SECRET_KEY_FALLBACKS = [before]
    folder_store.cache_clear()
    assert folder_store().verify_link(NAME, query).name == NAME


@pytest.mark.parametrize(("said", "status"), [("https", 302), ("http", 301), ("", 301)])
def test_what_did_not_come_by_tls_is_sent_there(
    settings: Settings, db: None, said: str, status: int
) -> None:
    settings.SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
    settings.SECURE_SSL_REDIRECT, settings.SECURE_HSTS_SECONDS = True, 3_600
    answer = Client().get("/admin/", headers={"X-Forwarded-Proto": said} if said else {})
    assert answer.status_code == status
    secure = answer.headers["Location"].startswith(("https://", "/admin/login"))
    assert secure
    assert ("Strict-Transport-Security" in answer.headers) == (said == "https")


def test_a_header_that_nobody_set_up_is_not_believed(settings: Settings, db: None) -> None:
    settings.SECURE_HSTS_SECONDS = 3_600
    answer = Client().get("/admin/", headers={"X-Forwarded-Proto": "https"})
    assert "Strict-Transport-Security" not in answer.headers
