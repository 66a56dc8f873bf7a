"""Voices of one's own: created within the tier's limit, tuned, published, rolled back."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from jobs.models import Event, Job
from jobs.states import State
from tenants.audit import PLATFORM
from tenants.limits import LimitReachedError
from tenants.models import AuditLine
from tests.conftest import make_caller, make_tenant
from tests.ledger import at_once
from tests.own import TEXT_VERSION, add_sample, agree, clone, cloned_voice, own_voice
from tests.speech import SYNTHESIZE, keyed, make_voice, post, problem_of, speak
from voices.errors import VoiceError
from voices.models import Making, Render, Revision, Status, Voice
from voices.owning.describing import create_voice
from voices.owning.publishing import publish_draft
from voices.requests import SynthesisRequest
from voices.selectors import spoken_voice
from voices.services import Ask, submit_synthesis

if TYPE_CHECKING:
    from django.test import Client

    from tenants.models import Tenant
    from tests.speech import Answer

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("mimic")]

VOICES = "/api/v1/voices"
BRAND = {"slug": "brand", "name": "Our brand", "language": "en-GB"}


def send(client: Client, method: str, path: str, body: object = None, match: str = "*") -> Answer:
    ask = getattr(client, method)
    answer: Answer = ask(
        f"{VOICES}/{path}", body, content_type="application/json", headers={"If-Match": match}
    )
    return answer


def say(client: Client, text: str = "Hello.", **more: object) -> Job:
    answer = post(client, SYNTHESIZE, {"text": text, "voice": "brand"} | more)
    assert answer.status_code in {200, 202}, answer.json()
    return speak(answer.json()["id"])


def sound(job: Job) -> str:
    assert job.state == State.SUCCEEDED, (job.error_code, job.error_message)
    assert job.result is not None
    return str(job.result["sha256"])


def test_a_voice_of_ones_own_starts_silent_and_is_seen_by_its_tenant_alone(mine: Client) -> None:
    made = post(mine, VOICES, BRAND)
    assert made.status_code == 201, made.json()
    voice = made.json()
    assert (voice["status"], voice["stock"], voice["revision"]) == ("none", False, None)
    assert made.headers["ETag"] == '"1"'
    assert mine.get(made.headers["Location"]).json() == voice
    other = keyed(make_tenant("other"))
    for method, path in (
        ("get", ""), ("patch", ""), ("delete", ""), ("delete", "/custom"), ("get", "/settings"),
        ("put", "/settings"), ("post", "/publish"), ("post", "/rollback"), ("get", "/consents"),
        ("post", "/consents"), ("get", "/scorecard"), ("get", "/sample"),
    ):  # fmt: skip
        answer = send(other, method, f"{voice['id']}{path}", {})
        assert problem_of(answer) == (404, "voice_not_found"), (method, path)
    assert voice["id"] not in {one["id"] for one in other.get(VOICES).json()}


def test_it_says_that_it_is_not_ready_before_it_is_cloned(tenant: Tenant, mine: Client) -> None:
    own_voice(tenant)
    answer = post(mine, SYNTHESIZE, {"text": "Hello.", "voice": "brand"})
    assert problem_of(answer) == (409, "voice_not_ready")


def test_a_stock_voice_is_read_only(mine: Client) -> None:
    stock = make_voice("stocky")
    for method, path in (("patch", ""), ("delete", ""), ("put", "/settings"), ("post", "/publish")):
        assert problem_of(send(mine, method, f"{stock.id}{path}", {})) == (403, "stock_voice")


@pytest.mark.parametrize("slug", ["brand", "stocky"])
def test_a_slug_is_taken_by_ones_own_voice_and_by_the_stock(
    tenant: Tenant, mine: Client, slug: str
) -> None:
    own_voice(tenant)
    make_voice("stocky")
    assert problem_of(post(mine, VOICES, BRAND | {"slug": slug})) == (409, "slug_taken")


@pytest.mark.parametrize("slug", ["", "a", "Brand", "../brand", "bränd", "b" * 61, "-brand"])
def test_a_slug_is_plain(mine: Client, slug: str) -> None:
    assert problem_of(post(mine, VOICES, BRAND | {"slug": slug})) == (400, "invalid_request")


def test_a_tier_without_voices_of_its_own_is_told_so(mine: Client, tenant: Tenant) -> None:
    tenant.custom_voices = 0
    tenant.save()
    assert problem_of(post(mine, VOICES, BRAND)) == (403, "tier_without_custom_voices")


def test_of_many_who_create_the_last_voice_allowed_one_gets_it(tenant: Tenant) -> None:
    tenant.custom_voices = 3
    tenant.save()

    def create(number: int) -> str:
        try:
            create_voice(
                tenant_id=tenant.id,
                actor=PLATFORM,
                slug=f"voice-{number}",
                name="A voice",
                language="en",
            )
        except LimitReachedError as error:
            return error.code
        return "made"

    assert sorted(at_once(8, create)) == ["limit_reached"] * 5 + ["made"] * 3
    assert Voice.objects.filter(tenant=tenant).count() == 3


def test_the_second_of_two_editors_is_told(tenant: Tenant, mine: Client) -> None:
    own_voice(tenant)
    assert send(mine, "patch", "brand", {"name": "One"}, '"1"').json()["name"] == "One"
    late = send(mine, "patch", "brand", {"name": "Two"}, '"1"')
    assert problem_of(late) == (412, "version_changed")
    assert problem_of(send(mine, "patch", "brand", {"name": "Two"}, "")) == (
        428,
        "if_match_missing",
    )
    assert mine.get(f"{VOICES}/brand").json()["name"] == "One"


def test_a_clone_is_published_at_once_and_heard(tenant: Tenant, mine: Client) -> None:
    voice = own_voice(tenant)
    add_sample(voice)
    agree(voice)
    asked = post(mine, "/api/v1/jobs/clone", {"voice": "brand"}, Idempotency_Key="c1")
    assert asked.status_code == 202, asked.json()
    assert "own_voice" not in asked.json()["request"]
    assert mine.get(f"{VOICES}/brand").json()["status"] == "training"
    assert speak(asked.json()["id"]).state == State.SUCCEEDED
    shown = mine.get(f"{VOICES}/brand").json()
    assert (shown["status"], shown["progress"], shown["draft"]) == ("ready", None, False)
    assert [engine["engine"] for engine in shown["engines"]] == ["mimic"]
    again = post(mine, "/api/v1/jobs/clone", {"voice": "brand"}, Idempotency_Key="c1")
    assert again.json()["id"] == asked.json()["id"]
    assert again.headers["Idempotent-Replayed"] == "true"
    assert Making.objects.count() == 1
    told = Event.objects.filter(job=None).values_list("name", "data")
    assert dict(told)["voice.ready"]["voice_id"] == shown["id"]
    assert sound(say(mine))


def test_whose_artifact_it_is_is_heard(tenant: Tenant, mine: Client) -> None:
    """Two voices of one tenant say the same text, and each sounds as itself, also when cached."""
    cloned_voice(tenant, "brand", seed=1)
    cloned_voice(tenant, "other", seed=2)
    first, second = say(mine), say(mine, voice="other")
    assert sound(first) != sound(second)
    assert sound(say(mine)) == sound(first)
    assert Render.objects.filter(voice_id__isnull=True).count() == 0


def test_a_new_artifact_never_meets_the_sound_of_the_old_one(tenant: Tenant, mine: Client) -> None:
    voice = cloned_voice(tenant)
    old = say(mine)
    add_sample(voice, seed=7)
    agree(voice)
    post(mine, "/api/v1/jobs/clone", {"voice": "brand"})
    speak(str(Making.objects.latest("created_at").job_id))
    assert sound(say(mine)) == sound(old), "a second clone waits in the draft"
    assert send(mine, "post", "brand/publish").status_code == 200
    assert sound(say(mine)) != sound(old)


def test_a_draft_that_is_cloned_anew_is_heard_anew(tenant: Tenant, mine: Client) -> None:
    """One revision, one text, two artifacts: the sound of the first is not that of the second."""
    voice = cloned_voice(tenant)
    send(mine, "put", "brand/settings", {"speed": 1.5})
    asked = Ask(make_caller(tenant), SynthesisRequest(text="Hello.", voice="brand"), draft=True)
    first = speak(str(submit_synthesis(asked).id))
    add_sample(voice, seed=7)
    agree(voice)
    clone(voice)
    second = speak(str(submit_synthesis(asked).id))
    assert second.request["revision"] == first.request["revision"]
    assert sound(second) != sound(first)
    assert say(mine).request["revision"] != first.request["revision"], "jobs do not speak drafts"


def test_two_clones_of_one_voice_do_not_run_side_by_side(tenant: Tenant, mine: Client) -> None:
    voice = own_voice(tenant)
    add_sample(voice)
    agree(voice)

    def ask(number: int) -> int:
        body = {"voice": "brand"}
        return (
            keyed(tenant)
            .post("/api/v1/jobs/clone", body, content_type="application/json")
            .status_code
        )

    assert sorted(at_once(4, ask)) == [202, 409, 409, 409]
    assert Making.objects.count() == 1


def test_settings_wait_in_the_draft_until_they_are_published(tenant: Tenant, mine: Client) -> None:
    cloned_voice(tenant)
    before = say(mine)
    put = send(mine, "put", "brand/settings", {"stability": 0.2, "speed": 1.5})
    assert put.status_code == 200, put.json()
    assert (put.json()["state"], put.json()["settings"]["stability"]) == ("draft", 0.2)
    assert put.json()["settings"]["style"] == 0.5
    assert sound(say(mine)) == sound(before)
    published = send(mine, "post", "brand/publish")
    assert published.json()["settings"] == {"stability": 0.2, "speed": 1.5}
    after = say(mine)
    assert sound(after) != sound(before)
    assert send(mine, "post", "brand/rollback").status_code == 200
    assert sound(say(mine)) == sound(before)
    send(mine, "post", "brand/rollback")
    assert sound(say(mine)) == sound(after)
    actions = list(AuditLine.objects.order_by("id").values_list("action", flat=True))
    assert actions[-4:] == [
        "voice.settings_changed", "voice.published", "voice.rolled_back", "voice.rolled_back",
    ]  # fmt: skip


def test_publishing_is_seen_by_a_process_that_remembers_the_voice(
    tenant: Tenant, mine: Client
) -> None:
    """Nothing is forgotten in between, as in another process."""
    voice = cloned_voice(tenant)
    before = say(mine)
    send(mine, "put", "brand/settings", {"speed": 1.5})
    publish_draft(voice=voice, actor=PLATFORM, expected=None)
    assert sound(say(mine)) != sound(before)


REFUSED: list[tuple[dict[str, Any], tuple[int, str]]] = [
    ({"pitch": 3}, (422, "setting_unsupported")),
    ({"speed": 3}, (422, "setting_out_of_range")),
    ({"advanced": {"mimic": {"noise": 0.5}}}, (422, "setting_unsupported")),
    ({"advanced": {"mimic": {"warmth": 2}}}, (422, "setting_out_of_range")),
    ({"advanced": {"piper": {"noise": 0.5}}}, (422, "setting_unsupported")),
    ({"stability": 1.1}, (400, "invalid_request")),
    ({"use_speaker_boost": "no"}, (400, "invalid_request")),
    ({"loudness": 3}, (400, "invalid_request")),
]


@pytest.mark.parametrize(("settings", "refused"), REFUSED)
def test_a_setting_that_no_engine_can_express_is_refused(
    tenant: Tenant, mine: Client, settings: dict[str, Any], refused: tuple[int, str]
) -> None:
    cloned_voice(tenant)
    assert problem_of(send(mine, "put", "brand/settings", settings)) == refused
    assert not Revision.objects.filter(state="draft").exists()


def test_defaults_are_never_refused(tenant: Tenant, mine: Client) -> None:
    cloned_voice(tenant)
    all_of_them = mine.get(f"{VOICES}/brand/settings").json()["settings"]
    assert len(all_of_them) == 12
    assert send(mine, "put", "brand/settings", all_of_them).status_code == 200
    assert not Revision.objects.filter(state="draft").exists(), "nothing was turned"


def test_advanced_dials_and_the_speaking_rate_reach_the_engine(
    tenant: Tenant, mine: Client
) -> None:
    cloned_voice(tenant)
    wanted = {"speaking_rate": 0.8, "speed": 1.5, "advanced": {"mimic": {"warmth": 0.5}}}
    assert send(mine, "put", "brand/settings", wanted).status_code == 200
    send(mine, "post", "brand/publish")
    assert say(mine).plan[0]["binding"]["dials"] == {"speed": 1.2, "warmth": 0.5}
    asked = say(mine, settings={"speed": 1.0})
    assert asked.plan[0]["binding"]["dials"] == {"speed": 1.0, "warmth": 0.5}


def test_of_many_who_publish_at_once_one_does(tenant: Tenant, mine: Client) -> None:
    voice = cloned_voice(tenant)
    send(mine, "put", "brand/settings", {"speed": 1.5})
    voice.refresh_from_db()

    def publish(number: int) -> str:
        try:
            publish_draft(voice=voice, actor=PLATFORM, expected=None)
        except VoiceError as error:
            return error.code
        return "published"

    assert sorted(at_once(6, publish)) == ["nothing_to_publish"] * 5 + ["published"]
    assert voice.revisions.filter(state="published").count() == 1


def test_there_is_nothing_to_go_back_to_before_the_second_publication(
    tenant: Tenant, mine: Client
) -> None:
    cloned_voice(tenant)
    assert problem_of(send(mine, "post", "brand/rollback")) == (409, "nothing_to_roll_back")
    assert problem_of(send(mine, "post", "brand/publish")) == (409, "nothing_to_publish")


def test_reverting_takes_the_clone_and_leaves_what_was_given(tenant: Tenant, mine: Client) -> None:
    voice = cloned_voice(tenant)
    said = say(mine)
    reverted = send(mine, "delete", "brand/custom")
    assert (reverted.status_code, reverted.json()["status"]) == (200, "none")
    answer = post(mine, SYNTHESIZE, {"text": "Hello.", "voice": "brand"})
    assert problem_of(answer) == (409, "voice_not_ready")
    assert (voice.samples.count(), voice.consents.count()) == (1, 1)
    assert not Render.objects.filter(voice_id=voice.id).exists()
    assert mine.get(f"/api/v1/jobs/{said.id}/audio").status_code == 200, "it was delivered"
    post(mine, "/api/v1/jobs/clone", {"voice": "brand"})
    speak(str(Making.objects.get().job_id))
    assert Voice.objects.get(id=voice.id).status == Status.READY


def test_the_sample_of_a_voice_is_spoken_once(tenant: Tenant, mine: Client) -> None:
    cloned_voice(tenant)
    first = mine.get(f"{VOICES}/brand/sample")
    assert first.status_code == 202
    speak(first.json()["id"])
    for _ in range(2):
        heard = mine.get(f"{VOICES}/brand/sample")
        assert (heard.status_code, heard.headers["Content-Type"]) == (200, "audio/mpeg")
    assert Job.objects.filter(kind="synthesize").count() == 1


def test_the_scorecard_sums_up_what_there_is(tenant: Tenant, mine: Client) -> None:
    voice = cloned_voice(tenant)
    add_sample(voice, seconds=6.0, seed=2, verdict={"measures": {"snr_db": 10.0}, "reasons": []})
    card = mine.get(f"{VOICES}/brand/scorecard").json()
    assert (card["usable"], card["seconds"], card["samples"]) == (2, 8.0, {"accepted": 2})
    assert card["measures"]["snr_db"] == 15.0
    clone = {"engine": "mimic", "kind": "clone", "state": "published", "about": {}}
    assert card["clones"] == [clone | {"likeness": "not measured"}]


def test_the_consent_text_is_shown_in_its_versions(mine: Client) -> None:
    shown = mine.get("/api/v1/consent-text").json()
    assert shown[0]["version"] == TEXT_VERSION
    assert "withdraw" in shown[0]["texts"]["en"]


def test_a_stock_voice_is_remembered_and_one_of_ones_own_is_read_each_time(
    tenant: Tenant, django_assert_num_queries: Any
) -> None:
    make_voice("stocky")
    cloned_voice(tenant)
    for reference, queries in (("stocky", 0), ("brand", 1)):
        spoken_voice(tenant.id, reference)
        with django_assert_num_queries(queries):
            spoken_voice(tenant.id, reference)
