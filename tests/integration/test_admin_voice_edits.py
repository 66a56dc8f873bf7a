"""Describing a voice in the admin while something else happens to it: neither undoes the other."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from django.test import Client

from tenants.admin.edited import CHANGED
from tenants.admin.tenants import TenantAdmin
from tenants.audit import PLATFORM
from tenants.models import AuditLine, Tenant
from tenants.people import add_person
from tenants.roles import Role
from tests.own import add_sample, agree, apart, ask_clone, cloned_voice, own_voice
from tests.speech import make_voice, speak
from voices.admin.voices import VoiceAdmin
from voices.models import Status, Voice
from voices.owning.describing import change_voice
from voices.owning.erasing import erase_voice

if TYPE_CHECKING:
    from collections.abc import Callable

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("mimic")]

ADD = "/admin/voices/voice/add/"
ENDS = ("TOTAL", "INITIAL")
INLINE = {f"revisions-{end}_FORMS": "0" for end in ENDS}


@pytest.fixture
def editor(tenant: Tenant) -> Client:
    added = add_person(tenant=tenant, name="ed", role=Role.EDITOR, actor=PLATFORM)
    client = Client()
    client.force_login(added.person.user)
    return client


def form_of(voice: Voice, **more: object) -> dict[str, Any]:
    """As the page shows it, but for what somebody types."""
    shown = {name: getattr(voice, name) for name in ("name", "language", "description", "version")}
    return shown | {"active": "on", "description": "New words."} | INLINE | more


def save(client: Client, voice: Voice, **more: object) -> Any:
    return client.post(f"/admin/voices/voice/{voice.id}/change/", form_of(voice, **more))


def errors_of(answer: Any) -> str:
    assert answer.status_code == 200
    return str(answer.context["adminform"].form.errors)


def meanwhile(monkeypatch: pytest.MonkeyPatch, deed: Callable[[], object]) -> None:
    """Done once the page has read the voice, and before it writes."""
    ask_for_form = VoiceAdmin.get_form

    def late(*args: Any, **more: Any) -> Any:
        doing = apart(deed)
        doing.start()
        doing.join()
        return ask_for_form(*args, **more)

    monkeypatch.setattr(VoiceAdmin, "get_form", late)


def test_what_is_saved_is_what_was_edited_and_is_written_down(
    tenant: Tenant, editor: Client
) -> None:
    voice = own_voice(tenant)
    page = editor.get(f"/admin/voices/voice/{voice.id}/change/").content.decode()
    assert '<input type="hidden" name="version" value="1"' in page
    assert save(editor, voice).status_code == 302
    voice.refresh_from_db()
    assert (voice.description, voice.active, voice.version) == ("New words.", True, 2)
    line = AuditLine.objects.get(action="voice.changed")
    assert (line.actor_name, line.object_name) == ("ed@acme", "brand")
    assert line.detail == {"fields": ["description"]}


def test_a_clone_that_begins_meanwhile_goes_on(
    tenant: Tenant, editor: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    voice = own_voice(tenant)
    add_sample(voice)
    agree(voice)
    meanwhile(monkeypatch, lambda: ask_clone(voice))
    assert save(editor, voice).status_code == 302
    voice.refresh_from_db()
    assert (voice.status, voice.description) == (Status.TRAINING, "New words.")


def test_a_clone_that_ends_meanwhile_is_told_and_stays(
    tenant: Tenant, editor: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    voice = own_voice(tenant)
    add_sample(voice)
    agree(voice)
    job_id = ask_clone(voice)
    meanwhile(monkeypatch, lambda: speak(job_id))
    assert CHANGED in errors_of(save(editor, voice))
    voice.refresh_from_db()
    assert (voice.status, voice.description) == (Status.READY, "")


def test_a_voice_that_is_erased_meanwhile_does_not_come_back(
    tenant: Tenant, editor: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    voice = cloned_voice(tenant)
    meanwhile(monkeypatch, lambda: erase_voice(voice=voice, actor=PLATFORM, expected=None))
    assert "There is no such voice" in errors_of(save(editor, voice))
    assert not Voice.objects.exists()


def test_the_second_of_two_editors_is_told_once(tenant: Tenant, editor: Client) -> None:
    voice = own_voice(tenant)
    change_voice(voice=voice, actor=PLATFORM, expected=None, description="Of another.")
    told = save(editor, voice)
    assert CHANGED in errors_of(told)
    assert Voice.objects.get().description == "Of another."
    carried = told.context["adminform"].form["version"].value()
    assert save(editor, voice, version=carried).status_code == 302
    assert Voice.objects.get().description == "New words."


def test_a_language_is_a_tag_in_both_forms(tenant: Tenant, editor: Client) -> None:
    voice = own_voice(tenant)
    assert "such as en-GB" in errors_of(save(editor, voice, language="English please"))
    added = form_of(voice, slug="other", language="English please")
    assert "such as en-GB" in errors_of(editor.post(ADD, added))
    assert list(Voice.objects.values_list("slug", "language")) == [("brand", "en-GB")]


def test_a_slug_that_is_an_id_is_refused_in_the_form(tenant: Tenant, editor: Client) -> None:
    stock = make_voice("stocky")
    assert "is no id" in errors_of(editor.post(ADD, form_of(stock, slug=str(stock.id))))
    assert Voice.objects.get() == stock


def test_staff_switch_a_stock_voice_off(admin_client: Client) -> None:
    stock = make_voice("stocky")
    page = f"/admin/voices/voice/{stock.id}/change/"
    assert admin_client.post(page, INLINE | {"version": "1"}).status_code == 302
    assert Voice.objects.get().active is False
    assert AuditLine.objects.get(action="voice.changed").tenant is None


def test_of_a_tenant_nothing_is_written_but_what_was_edited(
    tenant: Tenant, admin_client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its other columns may be somebody else's work meanwhile."""
    ask_for_form = TenantAdmin.get_form

    def late(*args: Any, **more: Any) -> Any:
        Tenant.objects.filter(id=tenant.id).update(max_queued=7)
        return ask_for_form(*args, **more)

    monkeypatch.setattr(TenantAdmin, "get_form", late)
    inline = {f"{one}-{end}_FORMS": "0" for one in ("keys", "people") for end in ENDS}
    typed = {"name": "Renamed", "tier": tenant.tier_id, "active": "on", "commercial": "on"}
    page = f"/admin/tenants/tenant/{tenant.id}/change/"
    assert admin_client.post(page, typed | inline).status_code == 302
    tenant.refresh_from_db()
    assert (tenant.name, tenant.max_queued) == ("Renamed", 7)
