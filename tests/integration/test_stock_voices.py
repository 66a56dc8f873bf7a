"""The stock voices in the database: made once, followed when the catalogue changes."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

import pytest
from django.db import connection

from tenants.models import Tenant, Tier
from tests.small_catalogue import use_catalogue, voice_entry
from voices.catalogue import stock_voices
from voices.models import Revision, Voice
from voices.stock import load_stock_voices

if TYPE_CHECKING:
    from pathlib import Path

    from pytest_django import DjangoAssertNumQueries

pytestmark = pytest.mark.django_db

SOFT = {"engine": "espeak", "model": "en-us+f3"}
OWN = {"engine": "piper", "model": "mia", "speaker": 4}
STAND_IN = {"engine": "espeak", "model": "en-us+f2", "substitute": True}


class Catalogue:
    """Replaces what the stock voices are."""

    def __init__(self, patch: pytest.MonkeyPatch, folder: Path) -> None:
        self._patch, self._folder = patch, folder

    def __call__(self, *entries: dict[str, Any]) -> None:
        use_catalogue(self._patch, self._folder, list(entries))


@pytest.fixture
def catalogue(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Catalogue:
    return Catalogue(monkeypatch, tmp_path)


def _states(slug: str) -> dict[int, str]:
    revisions = Revision.objects.filter(voice__slug=slug, voice__tenant=None)
    return {revision.number: revision.state for revision in revisions}


def _published(slug: str) -> Revision:
    return Revision.objects.get(voice__slug=slug, voice__tenant=None, state="published")


def test_every_stock_voice_is_published_and_bound() -> None:
    assert load_stock_voices() == [voice.slug for voice in stock_voices()]
    for voice in stock_voices():
        assert _states(voice.slug) == {1: "published"}
        assert _published(voice.slug).bindings.count() == len(voice.bindings)
    assert Voice.objects.get(slug="ember").commercial
    assert not Voice.objects.get(slug="ryan").commercial


def test_a_binding_keeps_its_speaker_and_says_when_it_stands_in(catalogue: Catalogue) -> None:
    catalogue(voice_entry("mia", bindings=[OWN, STAND_IN], settings={"speed": 1.1}))
    load_stock_voices()
    espeak, piper = _published("mia").bindings.order_by("engine")
    assert (piper.model, piper.speaker, piper.substitute) == ("mia", 4, False)
    assert (espeak.model, espeak.speaker, espeak.substitute) == ("en-us+f2", None, True)
    assert _published("mia").settings == {"speed": 1.1}


def test_a_second_start_changes_nothing_in_three_queries(
    django_assert_max_num_queries: DjangoAssertNumQueries,
) -> None:
    load_stock_voices()
    before = set(Revision.objects.values_list("id", "state"))
    with django_assert_max_num_queries(3):
        assert load_stock_voices() == []
    assert set(Revision.objects.values_list("id", "state")) == before


@pytest.mark.parametrize(
    "change",
    [
        {"bindings": [SOFT]},
        {"bindings": [OWN, STAND_IN]},
        {"settings": {"speed": 0.9}},
    ],
    ids=["model", "engine", "settings"],
)
def test_a_changed_sound_is_a_new_revision_and_the_old_one_stays_as_it_was(
    catalogue: Catalogue, change: dict[str, Any]
) -> None:
    catalogue(voice_entry("mia"))
    load_stock_voices()
    first = _published("mia")
    catalogue(voice_entry("mia", **change))
    assert load_stock_voices() == ["mia"]
    assert _states("mia") == {1: "retired", 2: "published"}
    first.refresh_from_db()
    assert first.settings == {}
    assert [binding.model for binding in first.bindings.all()] == ["en-us"]
    assert load_stock_voices() == []


def test_a_changed_description_makes_no_revision(catalogue: Catalogue) -> None:
    catalogue(voice_entry("mia"))
    load_stock_voices()
    catalogue(voice_entry("mia", name="Mia Nova", licence="CC BY 4.0", commercial=False))
    assert load_stock_voices() == ["mia"]
    mia = Voice.objects.get(slug="mia")
    assert (mia.name, mia.licence, mia.commercial) == ("Mia Nova", "CC BY 4.0", False)
    assert _states("mia") == {1: "published"}


def test_a_draft_is_left_alone_and_its_number_not_taken(catalogue: Catalogue) -> None:
    catalogue(voice_entry("mia"))
    load_stock_voices()
    Revision.objects.create(voice=Voice.objects.get(slug="mia"), number=2)
    catalogue(voice_entry("mia", bindings=[SOFT]))
    load_stock_voices()
    assert _states("mia") == {1: "retired", 2: "draft", 3: "published"}


def test_a_voice_without_a_published_revision_gets_one(catalogue: Catalogue) -> None:
    catalogue(voice_entry("mia"))
    load_stock_voices()
    Revision.objects.update(state=Revision.State.RETIRED)
    assert load_stock_voices() == ["mia"]
    assert _states("mia") == {1: "retired", 2: "published"}


def test_a_voice_the_operator_put_away_stays_away(catalogue: Catalogue) -> None:
    catalogue(voice_entry("mia"))
    load_stock_voices()
    Voice.objects.update(active=False)
    catalogue(voice_entry("mia", name="Mia Nova"))
    load_stock_voices()
    assert not Voice.objects.get(slug="mia").active


def test_a_voice_gone_from_the_catalogue_stays_for_those_who_use_it(catalogue: Catalogue) -> None:
    catalogue(voice_entry("mia"), voice_entry("leo"))
    load_stock_voices()
    catalogue(voice_entry("leo"))
    assert load_stock_voices() == []
    assert _states("mia") == {1: "published"}


def test_a_tenant_s_voice_of_the_same_name_is_not_touched(catalogue: Catalogue) -> None:
    tier = Tier.objects.create(slug="small", name="Small")
    acme = Tenant.objects.create(slug="acme", name="Acme", tier=tier)
    theirs = Voice.objects.create(tenant=acme, slug="mia", name="Their Mia")
    catalogue(voice_entry("mia"))
    load_stock_voices()
    theirs.refresh_from_db()
    assert theirs.name == "Their Mia"
    assert not theirs.revisions.exists()
    assert _states("mia") == {1: "published"}


@pytest.mark.django_db(transaction=True)
def test_several_starts_at_once_make_each_voice_once(catalogue: Catalogue) -> None:
    catalogue(*[voice_entry(f"voice-{number}") for number in range(8)])
    assert _start_together() == []
    assert Voice.objects.filter(tenant=None).count() == 8
    assert set(Revision.objects.values_list("number", "state")) == {(1, "published")}


@pytest.mark.django_db(transaction=True)
def test_several_starts_at_once_change_each_voice_once(catalogue: Catalogue) -> None:
    names = [f"voice-{number}" for number in range(8)]
    catalogue(*[voice_entry(name) for name in names])
    load_stock_voices()
    catalogue(*[voice_entry(name, bindings=[SOFT]) for name in names])
    assert _start_together() == []
    assert all(_states(name) == {1: "retired", 2: "published"} for name in names)


def _start_together() -> list[Exception]:
    """Load the stock voices from four threads at once; what went wrong."""
    errors: list[Exception] = []
    together = threading.Barrier(4)

    def start() -> None:
        try:
            connection.ensure_connection()
            together.wait(10)
            load_stock_voices()
        except Exception as error:  # noqa: BLE001 - the test reports it
            errors.append(error)
        finally:
            connection.close()

    threads = [threading.Thread(target=start) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return errors
