"""Who stays on a card for a while: those in use and those used of late, and no more than fit."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from math import inf
from typing import TYPE_CHECKING

import pytest

from gpu_worker.engines.xtts.guests import Guests
from synthesis_worker.contract import EngineBusy
from tests.ledger import eventually

if TYPE_CHECKING:
    from collections.abc import Callable


class Guest:
    """Closed once at the most."""

    def __init__(self) -> None:
        self.closed = 0
        self.broken = False

    def close(self) -> None:
        self.closed += 1


def test_who_is_in_use_stays_and_who_was_used_longest_ago_goes() -> None:
    guests: Guests[Guest] = Guests(2)
    one, two, three = Guest(), Guest(), Guest()
    for name, guest in (("one", one), ("two", two), ("one", one)):
        with guests.borrow(name, lambda guest=guest: guest) as here:  # type: ignore[misc]
            assert here is guest
    with guests.borrow("three", lambda: three):
        assert [guest.closed for guest in (one, two, three)] == [0, 1, 0]
        with guests.borrow("one", Guest) as here:
            assert here is one
            with pytest.raises(EngineBusy), guests.borrow("two", Guest):
                pass
    guests.close()
    assert [guest.closed for guest in (one, two, three)] == [1, 1, 1]


def test_one_whose_batch_is_broken_is_followed_by_another_at_once() -> None:
    guests: Guests[Guest] = Guests(1)
    one, two = Guest(), Guest()
    with guests.borrow("one", lambda: one):
        one.broken = True
        with guests.borrow("one", lambda: two) as here:
            assert (here, one.closed) == (two, 1)
    with guests.borrow("one", Guest) as here:
        assert here is two
    guests.close()
    assert (one.closed, two.closed) == (1, 1)


def test_others_do_not_wait_for_one_that_is_opened() -> None:
    guests: Guests[Guest] = Guests(2)
    opening, go_on = threading.Event(), threading.Event()

    def slowly() -> Guest:
        opening.set()
        assert go_on.wait(60)
        return Guest()

    def use(name: str, invite: Callable[[], Guest]) -> Guest:
        with guests.borrow(name, invite) as guest:
            return guest

    first = use("one", Guest)
    with ThreadPoolExecutor(2) as pool:
        slow = [pool.submit(use, "two", slowly) for _ in range(2)]
        assert opening.wait(60)
        assert use("one", Guest) is first
        go_on.set()
        assert slow[0].result() is slow[1].result()


def test_one_that_fails_to_open_takes_no_room_and_one_that_is_used_again_stays_longer() -> None:
    guests: Guests[Guest] = Guests(1, seconds=2.0)

    def fail() -> Guest:
        raise RuntimeError("no")

    with pytest.raises(RuntimeError), guests.borrow("one", fail):
        pass
    guest = Guest()
    with guests.borrow("one", lambda: guest):
        pass
    with guests.borrow("one", Guest) as here:
        eventually(lambda: guests._reminder._next == inf)  # its time came, and it is in use
        assert (here, guest.closed) == (guest, 0)
    eventually(lambda: guest.closed == 1, 30)
    assert len(guests) == 0
