"""Requests full of canaries: texts, keys and secrets in every place that a client can put them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.quoting_engine import TOO_HARD
from tests.speech import BULK, JOBS, SYNTHESIZE, wait_for_end

if TYPE_CHECKING:
    import httpx

CANARY = "Quetzalmarzipan"
HIDDEN = "vm_0canary0_Qm4rz1p4nQm4rz1p4n"  # a key of nobody's
REFUSED, RAISED, UNFINISHABLE = "rowquoting", "valuequoting", "endless"
FORM = "application/x-www-form-urlencoded"

# The ledger refuses some texts, in each way in which PostgreSQL quotes what it was given.
TRAPS = f"""
    ALTER TABLE jobs_job ADD CONSTRAINT no_rows CHECK (request::text NOT LIKE '%{REFUSED}%');
    ALTER TABLE jobs_job ADD CONSTRAINT no_end CHECK (
        request::text NOT LIKE '%{UNFINISHABLE}%' OR state IN ('queued', 'rung', 'running'));
    CREATE FUNCTION quote() RETURNS trigger LANGUAGE plpgsql AS
        $$BEGIN RAISE EXCEPTION 'not %', NEW.request USING ERRCODE = '22000'; END$$;
    CREATE TRIGGER quote BEFORE INSERT ON jobs_job FOR EACH ROW
        WHEN (NEW.request::text LIKE '%{RAISED}%') EXECUTE FUNCTION quote();"""


def say(client: httpx.Client, text: str, **more: Any) -> httpx.Response:
    headers = more.pop("headers", {})
    return client.post(SYNTHESIZE, json={"text": text, **more}, headers=headers)


def ask_wrongly(client: httpx.Client) -> None:
    """Requests that are refused, with the canary wherever it can stand."""
    text = f"I am {CANARY}."
    for body in (
        {"text": text, CANARY: 1},
        {"text": text, "voice": CANARY},
        {"text": text, "format": CANARY, "language": CANARY, "engine": CANARY},
        {"text": text, "settings": {CANARY: 1}},
        {"text": f"<speak>{CANARY}</speak>"},
        {"text": text * 1_000},
        {"text": [CANARY]},
        {"text": text, "webhook_url": f"https://10.0.0.1/{CANARY}?token={CANARY}"},
        {"items": CANARY},
    ):
        for path in (SYNTHESIZE, BULK):
            assert client.post(path, json=body).status_code in range(400, 500)
        assert client.post(BULK, json={"items": [body]}).status_code < 500
    for raw in (f'{{"text": "{CANARY}"', f"text={CANARY}", f'"{CANARY}\x00\ud800"'):
        data = raw.encode(errors="surrogatepass")
        for kind in ("application/json", FORM, f"text/plain; charset={CANARY}"):
            client.post(SYNTHESIZE, content=data, headers={"Content-Type": kind})
            client.post(BULK, content=data, headers={"Content-Type": kind})


def ask_with_secrets_everywhere(client: httpx.Client, token: str) -> None:
    """A key where keys do not belong, and keys that are none."""
    for header in (HIDDEN, f"Bearer {HIDDEN}", f"Basic {CANARY}", f"Bearer {token}x", CANARY):
        for path in (JOBS, f"{JOBS}?key={token}&text={CANARY}", "/admin/", "/api/v1/events"):
            client.get(path, headers={"Authorization": header})
        say(client, CANARY, headers={"Authorization": header})
    named = {"X-Api-Key": token, "X-Request-ID": token, "Idempotency-Key": f"{CANARY} {token}"}
    say(client, f"Sent with {CANARY}.", headers=named)
    for path in (f"{JOBS}/{token}", f"/{CANARY} {token}", f"/files/{CANARY} x?signature={token}"):
        client.get(path)
    client.get(JOBS, headers={"Host": CANARY, "Cookie": f"sessionid={CANARY}", "Referer": CANARY})
    form = {"username": CANARY, "password": token, "csrfmiddlewaretoken": CANARY}
    client.post("/admin/login/", data=form, headers={"Origin": f"https://{CANARY}"})


def speak_and_be_told(client: httpx.Client) -> tuple[dict[str, str], set[str]]:
    """Jobs that end, well and badly, and the secrets of their webhooks, which reach nobody."""
    url = f"http://127.0.0.1:9/{CANARY}?token={CANARY}"
    hook = client.post("/api/v1/webhooks", json={"url": url}).json()
    shared = client.get("/api/v1/webhooks/signing-secret").json()
    keyed = {"Idempotency-Key": f"order {CANARY}"}
    asked = [
        say(client, f"Good {CANARY}.", webhook_url=url, headers=keyed),
        say(client, f"Hard {CANARY}, {TOO_HARD}.", webhook_url=url),
    ]
    assert say(client, f"Other {CANARY}.", headers=keyed).status_code == 409
    bulk = client.post(BULK, json={"items": [{"text": f"{n} {CANARY}"} for n in range(3)]}).json()
    ids = [answer.json()["id"] for answer in asked]
    ends = [wait_for_end(client, one, 30)["state"] for one in ids]
    assert ends == ["succeeded", "failed"]
    for item in bulk["items"]:
        wait_for_end(client, item["id"], 30)
    secrets = {one["secret"].partition("_")[2] for one in (hook, shared)}
    return dict(zip(("good", "hard"), ids, strict=True)), secrets


def trip_the_ledger(client: httpx.Client) -> None:
    for trap in (REFUSED, RAISED):
        assert say(client, f"{CANARY} {trap}").status_code == 500
        body = {"items": [{"text": f"{CANARY} {trap}"}]}
        assert client.post(BULK, json=body).status_code == 500
