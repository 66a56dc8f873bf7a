"""The intake by itself: who is answered together, and that each gets its own answer."""

from __future__ import annotations

import asyncio
import functools
import threading
from typing import TYPE_CHECKING, Any

import pytest

from voices.api.answers import Post, Reply
from voices.intake import AT_ONCE, PATH, Intake

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, MutableMapping, Sequence

    Message = MutableMapping[str, Any]

SCOPE = {"type": "http", "method": "POST", "path": PATH, "headers": []}


class Echo:
    """Answers each with its own body, once it is let; remembers who came together."""

    def __init__(self) -> None:
        self.batches: list[int] = []
        self.go_on = threading.Event()

    def __call__(self, posts: Sequence[Post]) -> list[Reply]:
        self.batches.append(len(posts))
        assert self.go_on.wait(5)
        if posts[0].body == b"break":
            raise RuntimeError("broken")
        return [Reply(202, post.body) for post in posts]


async def views(scope: Message, receive: Any, send: Any) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"views"})


async def ask(intake: Intake, body: bytes, **scope: Any) -> bytes:
    sent: list[Message] = []

    async def receive() -> Message:
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(message: Message) -> None:
        sent.append(message)

    await intake({**SCOPE, **scope}, receive, send)
    return bytes(sent[-1]["body"])


def intake_with(echo: Echo) -> Intake:
    return Intake(views, echo, most_waiting=1000)


def in_a_loop(test: Callable[..., Coroutine[Any, Any, None]]) -> Callable[..., None]:
    @functools.wraps(test)
    def run(**given: Any) -> None:
        asyncio.run(test(**given))

    return run


@in_a_loop
async def test_what_comes_meanwhile_is_answered_together_and_each_gets_its_own() -> None:
    echo = Echo()
    intake = intake_with(echo)
    bodies = [str(n).encode() for n in range(AT_ONCE + 20)]
    asked = [asyncio.create_task(ask(intake, body)) for body in bodies]
    while not echo.batches:
        await asyncio.sleep(0.001)
    echo.go_on.set()
    assert await asyncio.gather(*asked) == bodies
    assert max(echo.batches) <= AT_ONCE
    assert len(echo.batches) <= 3


@in_a_loop
async def test_one_that_comes_alone_is_answered_alone() -> None:
    echo = Echo()
    echo.go_on.set()
    intake = intake_with(echo)
    assert [await ask(intake, b"one"), await ask(intake, b"two")] == [b"one", b"two"]
    assert echo.batches == [1, 1]


@pytest.mark.parametrize("scope", [{"path": "/api/v1/jobs"}, {"method": "GET"}])
@in_a_loop
async def test_everything_else_is_the_views(scope: dict[str, str]) -> None:
    assert await ask(intake_with(Echo()), b"", **scope) == b"views"


@in_a_loop
async def test_one_that_is_gone_keeps_no_other_from_its_answer() -> None:
    echo = Echo()
    intake = intake_with(echo)
    gone, stays = [asyncio.create_task(ask(intake, body)) for body in (b"gone", b"stays")]
    while not echo.batches:
        await asyncio.sleep(0.001)
    gone.cancel()
    await asyncio.sleep(0)
    echo.go_on.set()
    assert await stays == b"stays"
    assert await ask(intake, b"later") == b"later"


@in_a_loop
async def test_it_lives_on_after_a_batch_that_broke() -> None:
    echo = Echo()
    echo.go_on.set()
    intake = intake_with(echo)
    with pytest.raises(RuntimeError, match="broken"):
        await ask(intake, b"break")
    assert await ask(intake, b"later") == b"later"
