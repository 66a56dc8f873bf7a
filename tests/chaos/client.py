"""Clients of the API that never give up: what an answer was lost for is asked again, same key."""

from __future__ import annotations

import json
import queue
import threading
from collections import Counter
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException
from typing import TYPE_CHECKING, Any, NamedTuple

from tests.chaos.clock import CalledOff

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from tests.chaos.clock import Clock
    from tests.chaos.workload import Order

CLIENTS = 4
TIMEOUT = 10.0
PAUSE = 0.25
ACCEPTED = {200, 202}
LATER = {429, 502, 503, 504}


class Answer(NamedTuple):
    status: int
    body: bytes


class WrongAnswerError(Exception):
    """The API answered what no fault excuses."""


@dataclass(frozen=True, slots=True)
class Accepted:
    """What a client was promised: this text, for this tenant."""

    tenant: str
    text: str
    again: bool = False  # in the other format


class Api:
    """The API at one port, with the keys of its tenants. `statuses` counts what it answered."""

    def __init__(self, port: int, tokens: Mapping[str, str], clock: Clock) -> None:
        self.port, self.tokens, self.clock = port, tokens, clock
        self.statuses: Counter[int] = Counter()

    def get(self, tenant: str, path: str) -> Answer:
        return self._ask("GET", tenant, path)

    def order(self, order: Order) -> list[str]:
        """The jobs an order made, however often it must be sent."""
        while True:
            answer = self._post(order)
            if answer.status in ACCEPTED:
                return _job_ids(order, json.loads(answer.body))
            if answer.status not in LATER:
                raise WrongAnswerError(f"{order.path}: {answer.status} {answer.body[:500]!r}")
            self.clock.pause(PAUSE)

    def post(self, tenant: str, path: str, body: str, **headers: str) -> Answer:
        headers |= {"Content-Type": "application/json"}
        return self._ask("POST", tenant, path, body, headers)

    def _post(self, order: Order) -> Answer:
        key = {"Idempotency-Key": order.key}
        return self.post(order.tenant, order.path, json.dumps(order.body), **key)

    def _ask(
        self,
        method: str,
        tenant: str,
        path: str,
        body: str | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        """One answer, got whole; while there is none, it is asked again."""
        sent = {"Authorization": f"Bearer {self.tokens[tenant]}"} | dict(headers or {})
        while True:
            connection = HTTPConnection("127.0.0.1", self.port, timeout=TIMEOUT)
            try:
                connection.request(method, path, body, sent)
                answered = connection.getresponse()
                answer = Answer(answered.status, answered.read())
            except (OSError, HTTPException):
                self.statuses[0] += 1
                self.clock.pause(PAUSE)
            else:
                self.statuses[answer.status] += 1
                return answer
            finally:
                connection.close()


def _job_ids(order: Order, told: dict[str, Any]) -> list[str]:
    found = [item.get("id") for item in told["items"]] if order.bulk else [told["id"]]
    if None in found or len(found) != len(order.texts):
        raise WrongAnswerError(f"not all of an order was accepted: {told}")
    return [str(job_id) for job_id in found]


class Crowd:
    """Clients that send orders as they come, and remember each promise."""

    def __init__(self, api: Api) -> None:
        self.api = api
        self.accepted: dict[str, Accepted] = {}
        self.errors: list[Exception] = []
        self._orders: queue.Queue[Order | None] = queue.Queue()
        self._threads = [threading.Thread(target=self._work) for _ in range(CLIENTS)]
        for thread in self._threads:
            thread.start()

    def send(self, orders: Iterable[Order]) -> None:
        for order in orders:
            self._orders.put(order)

    def check(self) -> None:
        """Raise what went wrong."""
        if self.errors:
            raise self.errors[0]

    def finish(self) -> None:
        """Return when everything is accepted."""
        for _ in self._threads:
            self._orders.put(None)
        for thread in self._threads:
            thread.join()

    def _work(self) -> None:
        while (order := self._orders.get()) is not None:
            try:
                self._send(order)
            except (WrongAnswerError, CalledOff) as error:
                self.errors.append(error)

    def _send(self, order: Order) -> None:
        ids = self.api.order(order)
        if order.again and self.api.order(order) != ids:
            raise WrongAnswerError(f"the same key made other jobs: {order.key}")
        for job_id, text in zip(ids, order.texts, strict=True):
            self.accepted[job_id] = Accepted(order.tenant, text)
