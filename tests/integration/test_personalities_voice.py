"""The voice of a personality's own: shown, tuned, spoken with or not, heard, and erased."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from jobs.models import Job
from personalities.errors import OwnVoiceMissingError
from personalities.models import Personality
from personalities.own_voice import Mode, configure_voice, erase_own_voice
from personalities.selectors import find_personality
from tenants.audit import PLATFORM
from tenants.models import AuditLine
from tenants.people import add_person
from tenants.roles import Role
from tenants.scopes import Scope
from tests.conftest import make_tenant
from tests.ledger import at_once
from tests.own import add_sample, agree, ask_clone, cloned_voice, own_voice, withdraw
from tests.speech import keyed, make_voice, post, problem_of, speak
from voices.models import Status, Voice
from voices.owning.erasing import begin_erasure

if TYPE_CHECKING:
    from django.test import Client
    from pytest_django import Settings

    from tenants.models import Tenant
    from tests.speech import Answer

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("mimic")]

ALL = "/api/v1/personalities"
VOICE = f"{ALL}/marcel/voice"
CUSTOM, DEFAULT = {"mode": "custom"}, {"mode": "default"}


@pytest.fixture(autouse=True)
def usual(settings: Settings) -> Voice:
    settings.DEFAULT_VOICE = "usual"
    return make_voice("usual")


@pytest.fixture
def amy(tenant: Tenant) -> Voice:
    """What marcel speaks with: a stock voice."""
    voice = make_voice("amy")
    give(tenant, voice=voice)
    return voice


@pytest.fixture
def brand(tenant: Tenant, amy: Voice) -> Voice:
    """His own, cloned; he does not speak in it yet."""
    voice = cloned_voice(tenant)
    give(tenant, own_voice=voice)
    return voice


def give(tenant: Tenant, slug: str = "marcel", **columns: Any) -> Personality:
    find_personality(tenant.id, slug)
    Personality.objects.filter(tenant=tenant, slug=slug).update(**columns)
    return find_personality(tenant.id, slug)


def marcel(tenant: Tenant) -> Personality:
    return find_personality(tenant.id, "marcel")


def put(client: Client, body: Any, match: str | None = "*") -> Answer:
    headers = {} if match is None else {"If-Match": match}
    return client.put(VOICE, body, content_type="application/json", headers=headers)


def erase(client: Client, match: str = "*") -> Answer:
    return client.delete(VOICE, headers={"If-Match": match})


def spoken(tenant: Tenant) -> tuple[Voice | None, Voice | None, Voice | None]:
    """Marcel's voice, the one that stands in, and the one of his own that is remembered."""
    found = marcel(tenant)
    return found.voice, found.fallback_voice, found.own_voice


def lines(action: str) -> list[dict[str, Any]]:
    found = AuditLine.objects.filter(action=f"personality.{action}").order_by("id")
    return list(found.values_list("detail", flat=True))


def test_the_one_in_the_making_is_shown_while_another_speaks(
    mine: Client, tenant: Tenant, amy: Voice
) -> None:
    assert mine.get(VOICE).json()["custom"] is None
    voice = own_voice(tenant)
    sample = add_sample(voice)
    agree(voice)
    give(tenant, own_voice=voice)
    job = ask_clone(voice)
    Job.objects.filter(id=job).update(progress=0.25)
    shown = mine.get(VOICE).json()
    assert (shown["mode"], shown["voice_id"]) == ("default", str(amy.id))
    custom = shown["custom"]
    assert (custom["voice_id"], custom["voice_url"]) == (
        str(voice.id),
        f"/api/v1/voices/{voice.id}",
    )
    assert (custom["status"], custom["progress"], custom["draft"]) == ("training", 0.25, False)
    assert [one["id"] for one in shown["samples"]] == [str(sample.id)]


def test_it_speaks_in_its_own_and_what_it_spoke_with_stands_in(
    mine: Client, tenant: Tenant, amy: Voice, brand: Voice
) -> None:
    seen = mine.get(VOICE)
    answer = put(mine, CUSTOM, seen.headers["ETag"])
    assert (answer.status_code, answer.json()["mode"]) == (200, "custom")
    assert answer.json()["voice_id"] == answer.json()["custom"]["voice_id"] == str(brand.id)
    assert spoken(tenant) == (brand, amy, brand)
    assert answer.headers["ETag"] == mine.get(f"{ALL}/marcel").headers["ETag"] == '"2"'
    assert lines("voice_changed") == [{"changed": ["mode"], "mode": "custom", "voice": "brand"}]
    job = post(mine, f"{VOICE}/generate", {"text": "Hello."}).json()
    assert job["request"]["voice"] == "brand"


def test_what_stood_in_before_stands_in_still(
    mine: Client, tenant: Tenant, usual: Voice, brand: Voice
) -> None:
    give(tenant, fallback_voice=usual)
    put(mine, CUSTOM)
    assert spoken(tenant) == (brand, usual, brand)


def test_back_at_the_default_its_own_is_remembered(
    mine: Client, tenant: Tenant, amy: Voice, brand: Voice
) -> None:
    give(tenant, voice=brand, own_voice=None, fallback_voice=amy)
    answer = put(mine, DEFAULT)
    assert (answer.json()["mode"], answer.json()["custom"]["status"]) == ("default", "ready")
    assert spoken(tenant) == (amy, amy, brand)
    put(mine, CUSTOM)
    assert spoken(tenant) == (brand, amy, brand)


@pytest.mark.parametrize("other", ["none", "its own", "switched off"])
def test_where_no_stock_voice_stands_in_the_default_is_the_platforms(
    tenant: Tenant, amy: Voice, usual: Voice, brand: Voice, other: str
) -> None:
    Voice.objects.filter(id=amy.id).update(active=other != "switched off")
    stands_in = {"none": None, "its own": brand, "switched off": amy}[other]
    give(tenant, voice=brand, fallback_voice=stands_in)
    assert put(keyed(tenant), DEFAULT).json()["mode"] == "default"
    assert spoken(tenant) == (usual, stands_in, brand)


def test_a_choice_that_is_made_already_changes_nothing(
    mine: Client, tenant: Tenant, amy: Voice, brand: Voice, usual: Voice
) -> None:
    give(tenant, fallback_voice=usual)
    assert put(mine, DEFAULT).headers["ETag"] == '"1"'
    assert spoken(tenant)[0] == amy
    give(tenant, voice=brand)
    Voice.objects.filter(id=brand.id).update(status=Status.TRAINING)  # another clone is under way
    assert put(mine, CUSTOM).headers["ETag"] == '"1"'
    assert lines("voice_changed") == []


@pytest.mark.parametrize("trouble", ["nothing is cloned", "switched off", "consent withdrawn"])
def test_one_that_cannot_speak_is_not_taken_up(
    mine: Client, tenant: Tenant, amy: Voice, trouble: str
) -> None:
    voice = own_voice(tenant, "mute") if trouble == "nothing is cloned" else cloned_voice(tenant)
    if trouble == "consent withdrawn":
        withdraw(voice)
    if trouble == "switched off":
        Voice.objects.filter(id=voice.id).update(active=False)
    give(tenant, own_voice=voice)
    assert problem_of(put(mine, CUSTOM)) == (409, "voice_not_ready")
    assert spoken(tenant) == (amy, None, voice)


def test_without_a_voice_of_its_own_there_is_none_to_choose_tune_or_erase(
    mine: Client, tenant: Tenant, amy: Voice
) -> None:
    for answer in (put(mine, CUSTOM), put(mine, {"settings": {"speed": 1.5}}), erase(mine)):
        assert problem_of(answer) == (409, "own_voice_missing")
    going = own_voice(tenant)
    give(tenant, own_voice=going)
    begin_erasure(going, PLATFORM, None)
    assert problem_of(put(mine, CUSTOM)) == (409, "own_voice_missing")
    assert mine.get(VOICE).json()["custom"] is None


def test_settings_edit_the_draft_of_its_own_and_jobs_hear_nothing_of_it(
    mine: Client, tenant: Tenant, brand: Voice
) -> None:
    answer = put(mine, {"settings": {"speed": 1.5}})
    assert answer.status_code == 200, answer.json()
    custom = answer.json()["custom"]
    assert (custom["settings"]["speed"], custom["settings"]["pitch"]) == (1.5, 0)
    assert (custom["draft"], answer.headers["ETag"]) == (True, '"2"')
    assert brand.revisions.get(state="published").settings == {}
    assert mine.get(f"/api/v1/voices/{brand.id}/settings").json()["settings"]["speed"] == 1.5
    assert lines("voice_changed") == [{"changed": ["settings"], "mode": "default", "voice": "amy"}]
    assert put(mine, {"settings": {"speed": 1.5}}).headers["ETag"] == '"2"'


def test_of_a_refused_part_the_rest_is_not_done_either(
    mine: Client, tenant: Tenant, amy: Voice
) -> None:
    voice = own_voice(tenant)
    give(tenant, own_voice=voice)
    refused = put(mine, {"settings": {"speed": 1.5}, "mode": "custom"})
    assert problem_of(refused) == (409, "voice_not_ready")
    assert not voice.revisions.exists()
    answer = put(mine, {"settings": {"advanced": {"nobody": {"x": 1}}}, "mode": "default"})
    assert problem_of(answer) == (422, "setting_unsupported")
    assert marcel(tenant).version == 1


def test_the_second_of_two_editors_is_told(mine: Client, tenant: Tenant, brand: Voice) -> None:
    seen = mine.get(VOICE).headers["ETag"]
    assert put(mine, {"settings": {"speed": 1.5}}, seen).status_code == 200
    assert problem_of(put(mine, CUSTOM, seen)) == (412, "version_changed")
    assert problem_of(erase(mine, seen)) == (412, "version_changed")
    assert problem_of(put(mine, CUSTOM, None)) == (428, "if_match_missing")
    assert problem_of(mine.delete(VOICE)) == (428, "if_match_missing")
    assert Voice.objects.filter(id=brand.id, erasing_since=None).exists()


BODIES: list[Any] = [
    b"",
    b"[]",
    b"null",
    {},
    {"mode": None},
    {"mode": "loud"},
    {"mode": ["custom"]},
    {"mode": "CUSTOM"},
    {"mode": "custom", "voice": "amy"},
    {"settings": None},
    {"settings": []},
    {"settings": {"warmth": 1}},
    {"settings": {"speed": 99}},
    {"settings": {"speed": True}},
    {"settings": {"ha\ud83d": 1}},
    {"settings": {"advanced": {"echo": 1}}},
]


@pytest.mark.parametrize("body", BODIES, ids=[str(body)[:50] for body in BODIES])
def test_a_body_that_says_nothing_is_refused(
    mine: Client, tenant: Tenant, brand: Voice, body: Any
) -> None:
    assert problem_of(put(mine, body)) == (400, "invalid_request")
    assert marcel(tenant).version == 1


def test_erased_it_is_gone_and_whoever_spoke_in_it_speaks_with_a_default(
    mine: Client, tenant: Tenant, amy: Voice, usual: Voice, brand: Voice
) -> None:
    job = speak(
        post(mine, "/api/v1/jobs/synthesize", {"text": "Hi.", "voice": "brand"}).json()["id"]
    )
    give(tenant, voice=brand, fallback_voice=amy)
    give(tenant, "zac", voice=brand)
    give(tenant, "shante", voice=amy, fallback_voice=brand)
    before = AuditLine.objects.count()
    answer = erase(mine)
    shown = answer.json()
    assert (answer.status_code, shown["mode"], shown["voice_id"]) == (200, "default", str(amy.id))
    assert (shown["custom"], shown["samples"], answer.headers["ETag"]) == (None, [], '"2"')
    assert not Voice.objects.filter(id=brand.id).exists()
    assert mine.get(f"/api/v1/jobs/{job.id}/audio").status_code == 410
    others = {slug: give(tenant, slug) for slug in ("zac", "shante")}
    assert [others["zac"].voice, others["zac"].version] == [usual, 2]
    assert [others["shante"].voice, others["shante"].fallback_voice] == [amy, None]
    assert lines("voice_lost") == [
        {"lost": "brand", "voice": slug} for slug in ("amy", "amy", "usual")
    ]
    assert AuditLine.objects.count() == before + 4
    assert problem_of(erase(mine)) == (409, "own_voice_missing")


def test_one_in_the_making_can_be_erased_and_what_it_speaks_with_stays(
    mine: Client, tenant: Tenant, amy: Voice
) -> None:
    voice = own_voice(tenant)
    add_sample(voice)
    give(tenant, own_voice=voice)
    assert erase(mine).json()["voice_id"] == str(amy.id)
    assert spoken(tenant) == (amy, None, None)


def test_where_the_platform_has_no_default_voice_nobody_speaks_for_it(
    mine: Client, tenant: Tenant, settings: Settings, brand: Voice
) -> None:
    settings.DEFAULT_VOICE = "nobody"
    give(tenant, voice=brand)
    assert erase(mine).json()["voice_id"] is None
    assert (
        problem_of(post(mine, f"{VOICE}/generate", {"text": "Hi."}))[1] == "personality_voiceless"
    )


def test_of_taking_it_up_and_erasing_it_at_one_moment_nobody_is_left_with_it(
    tenant: Tenant, amy: Voice, brand: Voice
) -> None:
    acting: dict[str, Any] = {"personality": marcel(tenant), "actor": PLATFORM, "expected": None}

    def act(number: int) -> str:
        try:
            if number % 2:
                configure_voice(**acting, mode=Mode.CUSTOM)
            else:
                erase_own_voice(**acting)
        except OwnVoiceMissingError as error:
            return error.code
        return "done"

    told = at_once(4, act)
    assert (told[0::2].count("done"), Voice.objects.filter(id=brand.id).exists()) == (1, False)
    assert spoken(tenant) == (amy, None if told[1::2] == ["own_voice_missing"] * 2 else amy, None)


def test_a_short_sentence_is_heard_in_the_voice_it_speaks_with(
    mine: Client, tenant: Tenant, amy: Voice
) -> None:
    made = mine.get(f"{VOICE}/sample")
    assert (made.status_code, made.json()["request"]["voice"]) == (202, "amy")
    assert made.headers["Location"] == f"/api/v1/jobs/{made.json()['id']}"
    speak(made.json()["id"])
    heard = mine.get(f"{VOICE}/sample")
    assert (heard.status_code, heard.headers["Content-Type"]) == (200, "audio/mpeg")
    assert heard.getvalue() == mine.get("/api/v1/voices/amy/sample").getvalue()


def test_without_a_voice_that_can_speak_there_is_nothing_to_hear(
    mine: Client, tenant: Tenant
) -> None:
    assert problem_of(mine.get(f"{VOICE}/sample")) == (409, "personality_voiceless")
    give(tenant, voice=own_voice(tenant))
    assert problem_of(mine.get(f"{VOICE}/sample")) == (409, "personality_voiceless")
    give(tenant, active=False, primary=False)
    assert problem_of(mine.get(f"{VOICE}/sample")) == (409, "personality_inactive")


def test_each_address_asks_for_its_scope(tenant: Tenant, brand: Voice) -> None:
    def without(scope: Scope) -> Client:
        return keyed(tenant, scopes=[one for one in Scope if one != scope])

    refused = (403, "scope_missing")
    assert problem_of(put(without(Scope.PERSONALITIES_WRITE), CUSTOM)) == refused
    assert problem_of(put(without(Scope.VOICES_WRITE), {"settings": {"speed": 2}})) == refused
    assert problem_of(erase(without(Scope.VOICES_ERASE))) == refused
    assert problem_of(without(Scope.PERSONALITIES_READ).get(f"{VOICE}/sample")) == refused
    assert marcel(tenant).version == 1
    assert put(without(Scope.VOICES_WRITE), CUSTOM).status_code == 200


def test_another_tenants_personality_is_not_there(tenant: Tenant, brand: Voice) -> None:
    place, stranger = f"{ALL}/{marcel(tenant).id}/voice", keyed(make_tenant("other"))
    headers, json = {"If-Match": "*"}, "application/json"
    answers = [
        stranger.put(place, CUSTOM, content_type=json, headers=headers),
        stranger.delete(place, headers=headers),
        stranger.get(f"{place}/sample"),
    ]
    assert {problem_of(answer) for answer in answers} == {(404, "personality_not_found")}


def test_the_page_of_a_personality_tells_of_the_one_in_the_making(
    client: Client, tenant: Tenant, amy: Voice
) -> None:
    client.force_login(
        add_person(tenant=tenant, name="Vera", role=Role.VIEWER, actor=PLATFORM).person.user
    )
    page = f"/admin/personalities/personality/{marcel(tenant).id}/change/"
    assert "own-voice" not in client.get(page).content.decode()
    voice = own_voice(tenant, "quokkabeam")
    give(tenant, own_voice=voice)
    shown = client.get(page).content.decode()
    assert "A voice of its own is in the making:" in shown
    assert f'href="/admin/voices/voice/{voice.id}/change/">Quokkabeam</a>' in shown
    Voice.objects.filter(id=voice.id).update(status=Status.READY)
    assert "A voice of its own is ready:" in client.get(page).content.decode()
    give(tenant, voice=voice)
    assert "own-voice" not in client.get(page).content.decode()
