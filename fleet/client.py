"""A small client of Voicemill's HTTP API, for `make run` and `make say`."""

import json
import shutil
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from http.client import HTTPException, HTTPResponse
from pathlib import Path
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.request import ProxyHandler, Request, build_opener

from fleet.errors import FleetError

FINAL = {"succeeded", "failed", "cancelled", "expired"}
TRIES = 5
SECONDS = 40.0

Job = Mapping[str, Any]
_opener = build_opener(ProxyHandler({}))  # the fleet is on this machine: no proxy stands between


class Client:
    """Speaks for one API key. Broken connections and "try again" are tried again, five times."""

    def __init__(self, url: str, key: str) -> None:
        self.url = url
        self.key = key

    def is_healthy(self) -> bool:
        try:
            with _opener.open(f"{self.url}/healthz", timeout=2) as answer:
                return bool(answer.status == 200)  # noqa: PLR2004 - HTTP's own word for well
        except (OSError, HTTPException):
            return False

    def submit(self, text: str, voice: str | None, audio_format: str) -> Job:
        """Accept one text; waits a moment, so a short one comes back spoken."""
        body: dict[str, str] = {"text": text, "format": audio_format}
        if voice:
            body["voice"] = voice
        headers = {"Content-Type": "application/json", "Idempotency-Key": str(uuid.uuid4())}
        request = self._request("/api/v1/jobs/synthesize", json.dumps(body).encode(), headers)
        request.add_header("Prefer", "wait=2")
        return self._json(request)

    def look(self, job_id: str) -> Job:
        """The job as soon as it changes or ends, after two seconds at the latest."""
        return self._json(self._request(f"/api/v1/jobs/{job_id}?wait=2"))

    def save_audio(self, job_id: str, out: Path) -> None:
        """Write the audio to `out`, whole or not at all."""
        fresh = out.with_name(f".{out.name}.new")
        audio = self._request(f"/api/v1/jobs/{job_id}/audio")
        with self._open(audio) as answer, fresh.open("wb") as file:
            shutil.copyfileobj(answer, file)
        fresh.replace(out)

    def _request(
        self, path: str, body: bytes | None = None, headers: Mapping[str, str] | None = None
    ) -> Request:
        request = Request(self.url + path, body, dict(headers or {}))  # noqa: S310 - our own http
        # Unredirected: a link to an object store must not be given the key.
        request.add_unredirected_header("Authorization", f"Bearer {self.key}")
        return request

    def _json(self, request: Request) -> Job:
        with self._open(request) as answer:
            job: Job = json.load(answer)
        return job

    @contextmanager
    def _open(self, request: Request) -> Iterator[HTTPResponse]:
        with _with_patience(lambda: _opener.open(request, timeout=SECONDS)) as answer:
            yield answer


def _with_patience(call: Callable[[], HTTPResponse]) -> HTTPResponse:
    for attempt in range(1, TRIES + 1):
        try:
            return call()
        except HTTPError as error:
            if attempt == TRIES or "Retry-After" not in error.headers:
                raise problem(error.code, error.read()) from None
        except (URLError, ConnectionError, HTTPException) as error:
            if attempt == TRIES:
                raise FleetError("unreachable", f"the API does not answer: {error}") from error
        time.sleep(0.3 * attempt)
    raise AssertionError("unreachable")


def problem(status: int, body: bytes) -> FleetError:
    """The API's problem+json as one sentence; a page that is none by its status."""
    try:
        told = json.loads(body)
        message = told.get("detail") or told["title"]
        return FleetError(str(told.get("code", f"http_{status}")), str(message))
    except (ValueError, KeyError, AttributeError):
        return FleetError(f"http_{status}", f"the API answered {status}")


def _submit(
    client: Client, text: str, voice: str | None, audio_format: str, patience: float
) -> Job:
    until = time.monotonic() + patience
    while True:
        try:
            return client.submit(text, voice, audio_format)
        except FleetError as error:
            if error.code != "engine_unknown" or time.monotonic() > until:
                raise
        time.sleep(0.1)


def speak(
    client: Client,
    text: str,
    out: Path,
    *,
    voice: str | None = None,
    on_change: Callable[[Job], None] = lambda _: None,
    seconds: float = float("inf"),
    patience: float = 5.0,
) -> Job:
    """Have `text` spoken into `out`. Raises with the job's own code when it ends otherwise.

    A fleet that has just started may know no engine yet: that is waited for, with `patience`.
    """
    until = time.monotonic() + seconds
    job = _submit(client, text, voice, out.suffix.lstrip(".").lower(), patience)
    while job["state"] not in FINAL:
        if time.monotonic() > until:
            raise FleetError("too_slow", f"still {job['state']} after {seconds:.0f} s: see var/log")
        on_change(job)
        job = client.look(str(job["id"]))
    on_change(job)
    if job["state"] != "succeeded":
        told = job.get("error") or {"code": job["state"], "message": f"the job was {job['state']}"}
        raise FleetError(str(told["code"]), str(told["message"]))
    client.save_audio(str(job["id"]), out)
    return job
