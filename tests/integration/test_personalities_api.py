"""Personalities over REST: made, seen, changed, deleted, taken out and put in."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from personalities.models import Personality
from personalities.prompt import LONGEST_CUSTOM
from tenants.models import AuditLine
from tenants.scopes import Scope
from tests.conftest import make_tenant
from tests.speech import keyed, make_voice, post, problem_of

if TYPE_CHECKING:
    import httpx
    from django.test import Client

    from tenants.models import Tenant

pytestmark = pytest.mark.django_db(transaction=True)

ALL = "/api/v1/personalities"
MARCEL = f"{ALL}/marcel"
JSON = "application/json"


def change(
    client: Client, path: str, body: Any, match: str | None = "*", how: str = "patch"
) -> Any:
    headers = {} if match is None else {"If-Match": match}
    return getattr(client, how)(path, body, content_type=JSON, headers=headers)


def names(client: Client, query: str = "") -> list[str]:
    return [one["slug"] for one in client.get(f"{ALL}{query}").json()["results"]]


def test_the_list_comes_in_pages_newest_first(api: Client) -> None:
    assert names(api) == ["zac", "shante", "marcel"]
    post(api, ALL, {"name": "Ada"})
    page = api.get(f"{ALL}?limit=2").json()
    assert [one["slug"] for one in page["results"]] == ["ada", "zac"]
    rest = api.get(page["next"]).json()
    assert [one["slug"] for one in rest["results"]] == ["shante", "marcel"]
    assert rest["next"] is None


def test_one_is_made_seen_changed_and_deleted(api: Client) -> None:
    made = post(api, ALL, {"name": "Ada", "traits": {"age": 34, "empathy": 4}})
    assert made.status_code == 201, made.json()
    ada = made.json()
    assert made.headers["Location"] == f"{ALL}/{ada['id']}"
    assert made.headers["ETag"] == '"1"'
    assert (ada["slug"], ada["traits"]["age"], ada["traits"]["humour_level"]) == ("ada", 34, 2)
    assert api.get(f"{ALL}/ada").json() == api.get(f"{ALL}/{ada['id']}").json() == ada
    changed = change(api, f"{ALL}/ada", {"traits": {"age": None}, "role": "adviser"}, '"1"')
    assert changed.headers["ETag"] == '"2"'
    assert changed.json()["traits"] == ada["traits"] | {"age": None}
    replaced = change(api, f"{ALL}/ada", {"name": "Ada L."}, '"2"', "put").json()
    assert (replaced["slug"], replaced["name"], replaced["role"]) == ("ada", "Ada L.", "")
    assert replaced["traits"]["empathy"] == 3
    gone = change(api, f"{ALL}/ada", None, '"3"', "delete")
    assert gone.json() == {"deleted": "ada", "primary": None}
    assert problem_of(api.get(f"{ALL}/ada")) == (404, "personality_not_found")


def test_the_second_of_two_editors_is_told(api: Client) -> None:
    seen = api.get(MARCEL).headers["ETag"]
    assert change(api, MARCEL, {"role": "first"}, seen).status_code == 200
    for how in ("patch", "put", "delete"):
        body = {"name": "Second"}
        assert problem_of(change(api, MARCEL, body, seen, how)) == (412, "version_changed")
        assert problem_of(change(api, MARCEL, body, None, how)) == (428, "if_match_missing")
    assert api.get(MARCEL).json()["role"] == "first"


def test_the_mark_of_the_primary_moves(api: Client) -> None:
    assert api.post(f"{ALL}/zac/primary").json()["primary"] is True
    assert api.get(MARCEL).json()["primary"] is False
    off = change(api, MARCEL, {"active": False}).json()
    assert off["active"] is False
    assert problem_of(api.post(f"{MARCEL}/primary")) == (409, "personality_inactive")
    gone = change(api, f"{ALL}/zac", None, "*", "delete").json()
    assert gone["primary"]["slug"] == "shante"


def test_the_prompt_is_told_whole_and_in_parts(api: Client) -> None:
    answer = api.get(f"{MARCEL}/prompt")
    told = answer.json()
    assert told["system_prompt"] == "\n\n".join(part["text"] for part in told["parts"])
    assert told["system_prompt"].startswith("You are Marcel, a 27-year-old man.")
    same = api.get(f"{MARCEL}/prompt", headers={"If-None-Match": answer.headers["ETag"]})
    assert (same.status_code, same.content) == (304, b"")
    change(api, MARCEL, {"system_prompt": "Speak of the sea."})
    later = api.get(f"{MARCEL}/prompt", headers={"If-None-Match": answer.headers["ETag"]})
    assert later.status_code == 200
    assert "\n\nSpeak of the sea.\n\n" in later.json()["system_prompt"]


def test_a_file_goes_out_and_comes_in_elsewhere(api: Client, tenant: Tenant) -> None:
    make_voice("own", tenant=tenant)
    change(api, MARCEL, {"voice": "own", "name": 'M"arcel\\ 🙂', "system_prompt": "Two\nlines. "})
    out = api.get(f"{MARCEL}/export")
    assert out.headers["Content-Disposition"].startswith(
        'attachment; filename="marcel.personality.json"'
    )
    file = out.json()
    assert problem_of(post(api, f"{ALL}/import", file)) == (409, "slug_taken")
    again = post(api, f"{ALL}/import?rename=true", file)
    assert (again.status_code, again.json()["slug"]) == (201, "marcel-2")
    assert (again.json()["warnings"], again.json()["voice"]["slug"]) == ([], "own")
    other = keyed(make_tenant("other"))
    change(other, MARCEL, None, "*", "delete")
    there = post(other, f"{ALL}/import", file).json()
    assert (there["voice"], len(there["warnings"])) == (None, 1)
    assert there["system_prompt"] == "Two\nlines. "
    prompts = {c.get(f"{MARCEL}/prompt").json()["system_prompt"] for c in (api, other)}
    assert len(prompts) == 1


def test_a_file_with_fields_nobody_knows_is_refused(api: Client) -> None:
    file = api.get(f"{MARCEL}/export").json()
    spoiled = [
        file | {"tenant": "acme"},
        file | {"format_version": 2},
        file | {"kind": "other"},
        file | {"personality": file["personality"] | {"id": "1"}},
        file | {"personality": file["personality"] | {"traits": {"mood": 3}}},
        file | {"personality": []},
        [],
    ]
    for body in spoiled:
        answer = post(api, f"{ALL}/import?rename=true", body)
        assert problem_of(answer) == (400, "invalid_request"), body
    assert Personality.objects.count() == 3


def test_one_is_doubled(api: Client) -> None:
    double = api.post(f"{MARCEL}/duplicate")
    assert (double.status_code, double.json()["slug"]) == (201, "marcel-2")


def test_every_change_leaves_a_line_that_names_its_key(api: Client) -> None:
    post(api, ALL, {"name": "Ada", "system_prompt": "a secret of ours"})
    change(api, f"{ALL}/ada", {"greeting": "Good day."})
    api.post(f"{ALL}/ada/primary")
    change(api, f"{ALL}/ada", None, "*", "delete")
    lines = AuditLine.objects.filter(object_name="Ada").order_by("id")
    assert [line.action.partition(".")[2] for line in lines] == [
        "created",
        "edited",
        "made_primary",
        "deleted",
    ]
    assert all(line.actor_kind == "key" and line.actor_name.startswith("vm_") for line in lines)
    assert "secret of ours" not in str([line.detail for line in lines])


def test_each_address_asks_for_its_scope(tenant: Tenant, speech: None) -> None:
    reader = keyed(tenant, scopes=[Scope.PERSONALITIES_READ])
    writer = keyed(tenant, scopes=[Scope.PERSONALITIES_WRITE])
    for path in ("", "/marcel", "/marcel/prompt", "/marcel/export", "/marcel/voice"):
        assert reader.get(ALL + path).status_code == 200
        assert problem_of(writer.get(ALL + path)) == (403, "scope_missing")
    for path in ("", "/import", "/marcel/primary", "/marcel/duplicate", "/marcel/voice/generate"):
        assert problem_of(post(reader, ALL + path, {})) == (403, "scope_missing")
    for how in ("put", "patch", "delete"):
        assert problem_of(change(reader, MARCEL, {}, "*", how)) == (403, "scope_missing")
    assert problem_of(post(writer, f"{MARCEL}/voice/generate", {}))[1] == "scope_missing"
    assert problem_of(change(writer, MARCEL, None, "*", "delete"))[1] == "scope_missing"


def test_a_megabyte_of_prompt_is_refused_by_its_own_code(live: httpx.Client) -> None:
    for length in (LONGEST_CUSTOM + 1, 1_000_000):
        body = {"name": "Ada", "system_prompt": "x" * length}
        assert problem_of(live.post(ALL, json=body)) == (413, "prompt_too_long")
    body = {"name": "Ada", "system_prompt": "x" * LONGEST_CUSTOM}
    assert live.post(ALL, json=body).status_code == 201


BODIES: list[Any] = [
    b"",
    b"{",
    b"[]",
    b"[" * 100_000,
    b'{"name": "Ada", "traits": ' + b'{"a":' * 50 + b"1" + b"}" * 51,
    b'{"name": NaN}',
    b'{"name": "Ada", "traits": {"age": NaN}}',
    b'{"name": "Ada", "traits": {"age": 1e400}}',
    b'{"name": "Ada", "traits": {"age": ' + b"9" * 5_000 + b"}}",
    b'{"name": "nul \\u0000"}',
    b'{"name": "half \\ud83d"}',
    b'{"name": "\xff"}',
    b'{"name": "Ada", "system_prompt": "half \\udc00"}',
    b'{"name": "Ada", "system_prompt": "bell \\u0007"}',
    b'{"name": "Ada", "greeting": "two\\nlines"}',
    {"name": ""},
    {"name": "  "},
    {"name": "x" * 121},
    {"name": {"a": 1}},
    {"name": "Ada", "role": None},
    {"name": "Ada", "nmae": "Ada"},
    {"name": "Ada", "primary": True},
    {"name": "Ada", "slug": "../etc"},
    {"name": "Ada", "slug": "import"},
    {"name": "Ada", "slug": "f" * 32},
    {"name": "Ada", "slug": "half \ud83d"},
    {"name": "Ada", "traits": None},
    {"name": "Ada", "traits": []},
    {"name": "Ada", "traits": {"age": 7}},
    {"name": "Ada", "traits": {"gender": "dragon"}},
    {"name": "Ada", "traits": {"gender": ["male"]}},
    {"name": "Ada", "traits": {"empathy": 5}},
    {"name": "Ada", "traits": {"ha\ud83d": 5}},
    {"name": "Ada", "response_style": {"opening_phrases": ["x"] * 13}},
    {"name": "Ada", "response_style": {"opening_phrases": ["x" * 201]}},
    {"name": "Ada", "response_style": {"opening_phrases": "Hi"}},
    {"name": "Ada", "response_style": {"emoji": "often"}},
    {"name": "Ada", "description": "x" * 1_001},
    {"name": "Ada", "fallback": {"engine": "../x"}},
    {"name": "Ada", "fallback": "ember"},
]


@pytest.mark.parametrize("body", BODIES, ids=[str(body)[:50] for body in BODIES])
def test_a_body_that_says_no_personality_is_refused(api: Client, body: Any) -> None:
    sent = body if isinstance(body, bytes) else json.dumps(body)
    whole = api.post(ALL, sent, content_type=JSON)
    assert problem_of(whole)[0] == 400, whole.json()
    for how in ("put", "patch"):
        answer = change(api, MARCEL, sent, "*", how)
        assert answer.status_code in {200, 400}, answer.json()
    assert not Personality.objects.exclude(slug__in=["marcel", "shante", "zac"]).exists()


def test_an_unknown_voice_is_named(api: Client) -> None:
    for fields in ({"voice": "nobody"}, {"fallback": {"voice": "no\u0301"}}):
        answer = post(api, ALL, {"name": "Ada"} | fields)
        assert problem_of(answer) == (404, "voice_not_found")


@pytest.mark.parametrize("path", ["nobody", "..%2Fx", "x" * 300, "🙂", "import/prompt"])
def test_an_address_of_nobody_is_404(live: httpx.Client, path: str) -> None:
    assert live.get(f"{ALL}/{path}").status_code == 404
