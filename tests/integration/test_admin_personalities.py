"""Personalities in the admin: edited as fields, the prompt beside them, nobody's change lost."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse

from personalities.admin.form import PersonalityForm
from personalities.models import Personality
from personalities.selectors import find_personality
from tenants.admin.edited import CHANGED
from tenants.audit import PLATFORM
from tenants.models import AuditLine
from tenants.people import add_person
from tenants.roles import Role
from tests.conftest import make_tenant
from tests.speech import make_voice

if TYPE_CHECKING:
    from uuid import UUID

    from tenants.models import Tenant

pytestmark = pytest.mark.django_db

LIST = "/admin/personalities/personality/"
PROMPT = f"{LIST}prompt/"
NASTY = "<script>alert(1)</script>\"'><img src=x onerror=alert(2)>"


@pytest.fixture
def editor(tenant: Tenant) -> Client:
    return signed_in(tenant, Role.EDITOR)


def signed_in(tenant: Tenant, role: Role) -> Client:
    person = add_person(tenant=tenant, name=str(role), role=role, actor=PLATFORM).person
    client = Client()
    client.force_login(person.user)
    return client


def marcel(tenant: Tenant) -> Personality:
    return find_personality(tenant.id, "marcel")


def page(found: Personality, what: str = "change") -> str:
    return f"{LIST}{found.id}/{what}/"


def filled(found: Personality | None = None, **fields: Any) -> dict[str, Any]:
    """The form as a browser would send it."""
    form = PersonalityForm(instance=found) if found else PersonalityForm()
    shown = {bound.name: bound.value() for bound in form}
    shown |= fields
    shown = {name: getattr(value, "pk", value) for name, value in shown.items()}
    return {
        name: value for name, value in shown.items() if value is not None and value is not False
    }


def wrong_with(answer: Any) -> str:
    return str(answer.context["adminform"].form.errors)


def test_the_list_shows_who_is_primary_and_who_has_no_voice(editor: Client) -> None:
    shown = editor.get(LIST).content.decode()
    assert shown.count("no voice yet") == 3
    assert shown.count(">primary<") == 1
    for name in ("Marcel", "Shante", "Zac"):
        assert name in shown


def test_one_is_made_by_a_tenants_person_for_that_tenant(editor: Client, tenant: Tenant) -> None:
    voice = make_voice("own", tenant=tenant)
    fields = filled(name=NASTY, humour_level=3, emoji="on", voice=voice.id, active="on")
    fields["opening_phrases"] = "Hi!\r\n\r\n Hello. \r\n"
    answer = editor.post(f"{LIST}add/", fields)
    assert answer.status_code == 302, wrong_with(answer)
    made = Personality.objects.get(name=NASTY)
    assert (made.tenant_id, made.voice, made.read_traits().humour_level) == (
        tenant.id,
        voice,
        3,
    )
    assert made.read_style().opening_phrases == ("Hi!", "Hello.")
    line = AuditLine.objects.get(action="personality.created", object_id=str(made.id))
    assert line.actor_kind == "person"
    shown = editor.get(page(made)).content.decode()
    assert "<script>alert(1)" not in shown
    assert "&lt;script&gt;alert(1)" in shown


def test_staff_say_whose_it_becomes(admin_client: Client, tenant: Tenant) -> None:
    refused = admin_client.post(f"{LIST}add/", filled(name="Ada"))
    assert "tenant" in wrong_with(refused)
    answer = admin_client.post(f"{LIST}add/", filled(name="Ada", tenant=tenant.id))
    assert answer.status_code == 302, wrong_with(answer)
    assert Personality.objects.get(name="Ada").tenant == tenant


def test_an_edit_is_written_with_its_words_to_the_letter(editor: Client, tenant: Tenant) -> None:
    fields = filled(marcel(tenant), system_prompt="Two\r\nlines. ", empathy=4)
    answer = editor.post(page(marcel(tenant)), fields)
    assert answer.status_code == 302, wrong_with(answer)
    after = marcel(tenant)
    assert (after.system_prompt, after.read_traits().empathy) == ("Two\nlines. ", 4)
    assert (after.version, after.primary) == (2, True)
    assert AuditLine.objects.get(action="personality.edited").detail == {
        "changed": ["system_prompt", "traits"]
    }


def test_the_second_of_two_editors_is_told_and_loses_nothing(
    editor: Client, tenant: Tenant
) -> None:
    opened = filled(marcel(tenant), greeting="From the second.")
    first = editor.post(page(marcel(tenant)), filled(marcel(tenant), greeting="From the first."))
    assert first.status_code == 302
    second = editor.post(page(marcel(tenant)), opened)
    assert second.status_code == 200
    shown = second.content.decode()
    assert CHANGED in wrong_with(second)
    assert "From the second." in shown
    assert marcel(tenant).greeting == "From the first."
    again = opened | {"version": second.context["adminform"].form["version"].value()}
    assert editor.post(page(marcel(tenant)), again).status_code == 302
    assert marcel(tenant).greeting == "From the second."


def test_what_cannot_be_is_told_beside_its_field(editor: Client, tenant: Tenant) -> None:
    found = marcel(tenant)
    for fields in (
        {"age": "12"},
        {"humour_level": "7"},
        {"gender": "dragon"},
        {"opening_phrases": "x" * 201},
        {"closing_phrases": "\n".join(f"bye {n}" for n in range(13))},
        {"system_prompt": "x" * 8_001},
        {"system_prompt": "bell \x07"},
        {"name": ""},
        {"slug": "import"},
    ):
        answer = editor.post(page(found), filled(found, **fields))
        assert next(iter(fields)) in wrong_with(answer), fields
    taken = editor.post(page(found), filled(found, slug="zac"))
    assert "Another personality" in wrong_with(taken)
    assert marcel(tenant).version == 1


def test_only_voices_it_may_have_are_offered(editor: Client, tenant: Tenant) -> None:
    theirs = make_voice("theirs", tenant=make_tenant("other"))
    stock = make_voice("stock")
    offered = editor.get(page(marcel(tenant))).context["adminform"].form.fields["voice"].queryset
    assert stock in offered
    assert theirs not in offered
    refused = editor.post(page(marcel(tenant)), filled(marcel(tenant), voice=theirs.id))
    assert "voice" in wrong_with(refused)


def test_the_primary_switched_off_hands_its_mark_on(editor: Client, tenant: Tenant) -> None:
    fields = filled(marcel(tenant))
    del fields["active"]
    assert editor.post(page(marcel(tenant)), fields).status_code == 302
    assert find_personality(tenant.id, "shante").primary


def test_its_buttons_make_it_primary_double_it_and_hand_it_out(
    editor: Client, tenant: Tenant
) -> None:
    zac = find_personality(tenant.id, "zac")
    assert editor.get(page(zac, "primary")).status_code == 405
    editor.post(page(zac, "primary"))
    assert find_personality(tenant.id, "zac").primary
    editor.post(page(zac, "double"))
    assert find_personality(tenant.id, "zac-2").prompt() == zac.prompt()
    out = editor.get(page(zac, "export"))
    assert "zac.personality.json" in out.headers["Content-Disposition"]
    assert json.loads(out.content)["personality"]["slug"] == "zac"


def test_a_file_is_taken_in_and_a_wrong_one_told(editor: Client, tenant: Tenant) -> None:
    file = editor.get(page(marcel(tenant), "export")).content
    taken = editor.post(f"{LIST}import/", {"file": upload(file), "rename": "on"}, follow=True)
    assert "Marcel has been taken in." in taken.content.decode()
    assert find_personality(tenant.id, "marcel-2").name == "Marcel"
    huge = json.dumps(json.loads(file) | {"personality": {"system_prompt": "x" * 8_001}})
    for wrong in (b"{", b"[]", b'{"kind": "other"}', b"\xff", huge.encode(), b" " * 300_000):
        answer = editor.post(f"{LIST}import/", {"file": upload(wrong)})
        assert answer.context["form"].errors["file"], wrong[:40]
    again = editor.post(f"{LIST}import/", {"file": upload(file)})
    assert "Another personality" in str(again.context["form"].errors)


def upload(content: bytes) -> SimpleUploadedFile:
    return SimpleUploadedFile("a.personality.json", content)


def test_the_prompt_is_made_of_what_stands_in_the_form(editor: Client, tenant: Tenant) -> None:
    fields = filled(marcel(tenant), name="Ada", system_prompt="Speak of the sea.")
    prompt = editor.post(PROMPT, fields).json()["prompt"]
    assert prompt.startswith("You are Ada, a 27-year-old man.")
    assert "\n\nSpeak of the sea.\n\n" in prompt
    wrong = editor.post(PROMPT, fields | {"age": "7", "name": ""})
    assert wrong.status_code == 422
    assert set(wrong.json()["wrong"]) == {"age", "name"}
    assert marcel(tenant).version == 1
    assert editor.get(PROMPT).status_code == 405


@pytest.mark.parametrize(
    ("role", "may_edit", "may_erase"),
    [(Role.VIEWER, False, False), (Role.EDITOR, True, False), (Role.OWNER, True, True)],
)
def test_each_role_does_what_it_may(
    tenant: Tenant, role: Role, may_edit: bool, may_erase: bool
) -> None:
    client, found = signed_in(tenant, role), marcel(tenant)
    shown = client.get(page(found))
    assert shown.status_code == 200
    assert found.prompt().text[:40] in shown.content.decode()
    edit = 302 if may_edit else 403
    assert client.post(page(found), filled(found, name="M")).status_code == edit
    assert client.post(page(found, "double")).status_code == edit
    assert client.post(PROMPT, filled(found)).status_code == (200 if may_edit else 403)
    assert client.get(f"{LIST}import/").status_code == (200 if may_edit else 403)
    assert client.get(page(found, "export")).status_code == 200
    erase = 302 if may_erase else 403
    assert client.post(page(found, "delete"), {"post": "yes"}).status_code == erase
    assert Personality.objects.filter(id=found.id).exists() is not may_erase


def test_deleting_several_leaves_a_line_for_each_and_one_primary(tenant: Tenant) -> None:
    owner = signed_in(tenant, Role.OWNER)
    doomed: list[UUID] = [find_personality(tenant.id, s).id for s in ("marcel", "shante")]
    owner.post(
        LIST,
        {"action": "delete_selected", "_selected_action": doomed, "post": "yes"},
    )
    assert AuditLine.objects.filter(action="personality.deleted").count() == 2
    assert find_personality(tenant.id, "zac").primary


def test_another_tenants_is_404(editor: Client) -> None:
    theirs = marcel(make_tenant("other"))
    for what in ("change", "export", "history"):
        assert editor.get(page(theirs, what)).status_code == 404
    for what in ("primary", "double"):
        assert editor.post(page(theirs, what)).status_code == 404
    assert reverse("admin:personalities_prompt") == PROMPT
