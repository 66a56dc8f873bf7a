"""A voice that leaves its personalities: erased, withdrawn or switched off, and never unseen."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest
from django.test import Client

from personalities import services
from personalities.models import Personality
from personalities.selectors import find_personality
from tenants.audit import PLATFORM
from tenants.models import AuditLine
from tenants.people import add_person
from tenants.roles import Role
from tests.integration.test_admin_personalities import filled, page
from tests.ledger import eventually, someone_waits
from tests.own import apart, cloned_voice, withdraw
from tests.speech import make_voice, post, problem_of
from voices.models import Voice
from voices.owning.erasing import erase_voice

if TYPE_CHECKING:
    from pytest_django import Settings

    from tenants.models import Tenant

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("mimic")]

MARCEL = "/api/v1/personalities/marcel"


@pytest.fixture
def usual(settings: Settings) -> Voice:
    settings.DEFAULT_VOICE = "usual"
    return make_voice("usual")


def marcel(tenant: Tenant, **columns: Any) -> Personality:
    found = find_personality(tenant.id, "marcel")
    Personality.objects.filter(id=found.id).update(**columns or {"name": found.name})
    return find_personality(tenant.id, "marcel")


def test_whoever_spoke_in_a_voice_that_is_erased_is_changed_for_all_to_see(
    mine: Client, tenant: Tenant, usual: Voice
) -> None:
    brand = cloned_voice(tenant)
    before = marcel(tenant, voice=brand, fallback_voice=brand).version
    erased = mine.delete("/api/v1/voices/brand", headers={"If-Match": "*"})
    assert erased.status_code == 204
    after = marcel(tenant)
    assert (after.voice, after.fallback_voice, after.version) == (usual, None, before + 1)
    line = AuditLine.objects.get(action="personality.voice_lost")
    assert (line.object_id, line.detail) == (str(after.id), {"lost": "brand", "voice": "usual"})


def test_a_refused_erasure_changes_no_personality(
    mine: Client, tenant: Tenant, usual: Voice
) -> None:
    brand = cloned_voice(tenant)
    before = marcel(tenant, voice=brand).version
    refused = mine.delete("/api/v1/voices/brand", headers={"If-Match": '"99"'})
    assert problem_of(refused) == (412, "version_changed")
    after = marcel(tenant)
    assert (after.voice, after.version) == (brand, before)


def test_an_edit_and_an_erasure_at_one_moment_come_one_after_the_other(
    mine: Client, tenant: Tenant, usual: Voice, monkeypatch: pytest.MonkeyPatch
) -> None:
    brand = cloned_voice(tenant)
    marcel(tenant, voice=brand)
    erasing = apart(lambda: erase_voice(voice=brand, actor=PLATFORM, expected=None))
    save = services.save_personality

    def slowly(edited: Personality) -> None:
        erasing.start()
        eventually(lambda: someone_waits() or not erasing.is_alive())
        monkeypatch.undo()
        save(edited)

    monkeypatch.setattr(services, "save_personality", slowly)
    edit = mine.patch(
        MARCEL, {"role": "Guide"}, content_type="application/json", headers={"If-Match": "*"}
    )
    assert edit.status_code == 200
    erasing.join(10)
    after = marcel(tenant)
    assert (after.role, after.voice) == ("Guide", usual)
    assert not Voice.objects.filter(id=brand.id).exists()


def test_where_consent_was_withdrawn_another_voice_speaks_if_that_was_allowed(
    mine: Client, tenant: Tenant, usual: Voice, settings: Settings
) -> None:
    brand = cloned_voice(tenant)
    marcel(tenant, voice=brand, fallback_voice=None)
    withdraw(brand)
    speak = f"{MARCEL}/voice/generate"
    assert problem_of(post(mine, speak, {"text": "Hi."})) == (403, "consent_withdrawn")
    stood_in = post(mine, speak, {"text": "Hi.", "substitute": "flag"})
    assert stood_in.status_code == 202
    assert stood_in.json()["request"]["stand_in"] is True
    settings.DEFAULT_VOICE = "nobody"
    nobody = post(mine, speak, {"text": "Ho.", "substitute": "flag"})
    assert problem_of(nobody) == (403, "consent_withdrawn")


def test_the_form_keeps_a_voice_that_is_switched_off(tenant: Tenant) -> None:
    client = Client()
    editor = add_person(tenant=tenant, name="ed", role=Role.EDITOR, actor=PLATFORM).person
    client.force_login(editor.user)
    off = make_voice("off")
    found = marcel(tenant, voice=off, fallback_voice=off)
    Voice.objects.filter(id=off.id).update(active=False)
    shown = client.get(page(found)).content.decode()
    chosen = re.findall(rf'<option value="{off.id}" selected', shown)
    assert len(chosen) == 2
    saved = client.post(page(found), filled(found, greeting="Hello there"))
    assert saved.status_code == 302
    after = marcel(tenant)
    assert (after.greeting, after.voice, after.fallback_voice) == ("Hello there", off, off)
