"""A burst of POSTs over many kept connections at once, by a client that costs little itself."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

CONNECTIONS = 32
SECONDS = 120


class Burst:
    """Sends each body once, as many at a time as there are connections."""

    def __init__(self, url: str, path: str, key: str = "", **headers: str) -> None:
        self.place = urlsplit(url)
        sent = {"Host": self.place.netloc, "Authorization": f"Bearer {key}", **headers}
        lines = [f"POST {path} HTTP/1.1", *(f"{name}: {value}" for name, value in sent.items())]
        self.head = "\r\n".join([*lines, "Content-Type: application/json", ""]).encode()

    def post(self, bodies: Sequence[Mapping[str, Any]], status: int = 202) -> list[dict[str, Any]]:
        """The answers, in the order they came."""
        requests = iter([self._request(body) for body in bodies])
        told = asyncio.run(asyncio.wait_for(self._send_all(requests), SECONDS))
        for answered, body in told:
            if answered != status:
                raise RuntimeError(f"{answered} {body[:500]!r}")
        return [json.loads(body) for _, body in told]

    def _request(self, body: Mapping[str, Any]) -> bytes:
        data = json.dumps(body).encode()
        return self.head + f"Content-Length: {len(data)}\r\n\r\n".encode() + data

    async def _send_all(self, requests: Iterator[bytes]) -> list[tuple[int, bytes]]:
        answers = await asyncio.gather(*[self._send(requests) for _ in range(CONNECTIONS)])
        return [answer for some in answers for answer in some]

    async def _send(self, requests: Iterator[bytes]) -> list[tuple[int, bytes]]:
        """One connection: the next request when the last one is answered."""
        reader, writer = await asyncio.open_connection(self.place.hostname, self.place.port)
        told = []
        for request in requests:
            writer.write(request)
            told.append(await _answer(reader))
        writer.close()
        await writer.wait_closed()
        return told


async def _answer(reader: asyncio.StreamReader) -> tuple[int, bytes]:
    head = (await reader.readuntil(b"\r\n\r\n")).lower()
    length = int(head.partition(b"content-length:")[2].partition(b"\r\n")[0])
    return int(head.split()[1]), await reader.readexactly(length)
