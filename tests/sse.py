"""A client of event streams, as small as one can be: it reads blocks and remembers its place."""

from __future__ import annotations

import json
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

    import httpx

EVENTS = "/api/v1/events"


@dataclass(frozen=True, slots=True)
class Said:
    """One event as it came."""

    name: str
    id: str
    data: dict[str, Any]

    @property
    def job(self) -> str:
        return str(self.data["job_id"])


class Stream:
    """A stream that is open."""

    def __init__(self, response: httpx.Response, last: str) -> None:
        self.response, self.last = response, last
        self.retry = ""
        self.pings = 0
        self._pieces = response.iter_text()
        self._rest = ""

    def blocks(self) -> Iterator[dict[str, str]]:
        """The fields of each block until the stream ends; a comment's name is empty."""
        while True:
            block, found, rest = self._rest.partition("\n\n")
            if not found:
                piece = next(self._pieces, None)
                if piece is None:
                    assert not self._rest, "half an event"
                    return
                self._rest += piece
                continue
            self._rest = rest
            yield dict(_field(line) for line in block.split("\n"))

    def __iter__(self) -> Iterator[Said]:
        for fields in self.blocks():
            self.last = fields.get("id", self.last)
            self.retry = fields.get("retry", self.retry)
            self.pings += fields.get("") == "ping"
            if "data" in fields:
                yield Said(fields["event"], fields["id"], json.loads(fields["data"]))

    def take(self, count: int) -> list[Said]:
        """The next so many events; fewer where the stream ends before."""
        found: list[Said] = []
        for said in self:
            found.append(said)
            if len(found) == count:
                break
        return found

    def begin(self) -> str:
        """The place it begins at, once it has told it."""
        fields = next(self.blocks())
        self.retry, self.last = fields["retry"], fields["id"]
        return self.last


@contextmanager
def following(client: httpx.Client, path: str = EVENTS, last: str = "") -> Iterator[Stream]:
    """The stream from its last id on. Leaving breaks the connection."""
    headers = {"Last-Event-ID": last} if last else {}
    with client.stream("GET", path, headers=headers) as response:
        assert response.status_code == 200, response.read()
        yield Stream(response, last)


def _field(line: str) -> tuple[str, str]:
    name, _, value = line.partition(":")
    return name, value.removeprefix(" ")
