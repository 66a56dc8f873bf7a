"""The intake: synthesis requests that come while others are being accepted are accepted together.

The one address that a burst comes to is answered beside the ordinary views, for a fourth of their
price: no request object, no thread for each, one commit for many.
"""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

from tenants.problems import OVERLOADED, send_problem
from voices.api.answers import Post, Reply

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, MutableMapping, Sequence

    Message = MutableMapping[str, Any]
    Receive = Callable[[], Awaitable[Message]]
    Send = Callable[[Message], Awaitable[None]]
    App = Callable[[MutableMapping[str, Any], Receive, Send], Awaitable[None]]
    AnswerAll = Callable[[Sequence[Post]], Sequence[Reply]]
    Waiting = tuple[Post, asyncio.Future[Reply]]

PATH = "/api/v1/jobs/synthesize"
AT_ONCE = 64  # requests that share a transaction at most


class Intake:
    """Answers POSTs to one address; everything else is the views'."""

    def __init__(self, app: App, answer_all: AnswerAll, *, most_waiting: int) -> None:
        self.app, self.answer_all, self.most_waiting = app, answer_all, most_waiting
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="intake")
        self._gathered: list[Waiting] = []
        self._running: asyncio.Task[None] | None = None

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        if scope["path"] != PATH or scope["method"] != "POST":
            await self.app(scope, receive, send)
            return
        if len(self._gathered) >= self.most_waiting:
            await send_problem(OVERLOADED, send)
            return
        reply = await self._answer(await read_post(scope, receive))
        await _send(reply, send)

    def _answer(self, post: Post) -> asyncio.Future[Reply]:
        answer: asyncio.Future[Reply] = asyncio.get_running_loop().create_future()
        self._gathered.append((post, answer))
        if self._running is None:
            self._running = asyncio.create_task(self._answer_gathered())
        return answer

    async def _answer_gathered(self) -> None:
        while self._gathered:
            some, self._gathered = self._gathered[:AT_ONCE], self._gathered[AT_ONCE:]
            await self._answer_some(some)
        self._running = None

    async def _answer_some(self, some: Sequence[Waiting]) -> None:
        posts, answers = zip(*some, strict=True)
        replies: Sequence[Reply | Exception]
        try:
            replies = await asyncio.get_running_loop().run_in_executor(
                self._thread, self.answer_all, posts
            )
        except Exception as error:  # noqa: BLE001 - whoever waits learns of it
            replies = [error] * len(some)
        for answer, reply in zip(answers, replies, strict=True):
            _settle(answer, reply)


def _settle(answer: asyncio.Future[Reply], reply: Reply | Exception) -> None:
    """One that was cancelled waits for nothing any more."""
    if answer.cancelled():
        return
    if isinstance(reply, Exception):
        answer.set_exception(reply)
    else:
        answer.set_result(reply)


async def read_post(scope: Message, receive: Receive) -> Post:
    """The request, its body whole: the guard has taken it already."""
    headers = {name: value.decode("latin-1") for name, value in scope["headers"]}
    body, more = b"", True
    while more:
        message = await receive()
        body += message.get("body", b"")
        more = message.get("more_body", False)
    return Post(
        body,
        headers.get(b"content-type", ""),
        headers.get(b"authorization", ""),
        headers.get(b"idempotency-key"),
    )


async def _send(reply: Reply, send: Send) -> None:
    headers = {
        **reply.headers,
        "Content-Length": str(len(reply.body)),
        "X-Content-Type-Options": "nosniff",
    }
    pairs = [(name.lower().encode(), value.encode("latin-1")) for name, value in headers.items()]
    await send({"type": "http.response.start", "status": reply.status, "headers": pairs})
    await send({"type": "http.response.body", "body": reply.body})
