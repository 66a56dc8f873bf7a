"""What is kept in memory of those who were cloned or trained: so much, and for so long."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest

from synthesis_worker.artifacts import Kept
from synthesis_worker.speaking import MEGABYTE, artifacts

if TYPE_CHECKING:
    from collections.abc import Callable


class Store:
    """Notes what is read of it; each name is so many bytes."""

    def __init__(self, **sizes: int) -> None:
        self.sizes = sizes
        self.read: list[str] = []

    def get(self, kept: Kept[bytes], names: str) -> list[int]:
        return [len(kept.get(name, self.reader(name))) for name in names]

    def reader(self, name: str) -> Callable[[], bytes]:
        def read() -> bytes:
            self.read.append(name)
            return bytes(self.sizes[name])

        return read


def weighed(heaviest: int, most: int = 32) -> Kept[bytes]:
    return Kept(most=most, weigh=len, heaviest=heaviest)


def test_what_is_kept_weighs_no_more_than_it_may() -> None:
    kept, store = weighed(10), Store(a=4, b=4, c=4, d=2)
    store.get(kept, "abc")  # a makes room
    assert store.get(kept, "bcd") == [4, 4, 2]
    assert "".join(store.read) == "abcd"
    store.get(kept, "a")  # b and no more
    store.get(kept, "cda")
    assert "".join(store.read) == "abcda"


def test_what_just_fits_is_kept_alone() -> None:
    kept, store = weighed(10), Store(a=4, b=10, c=1)
    store.get(kept, "abb")
    assert len(kept) == 1
    store.get(kept, "c")
    assert len(kept) == 1
    store.get(kept, "bb")
    assert "".join(store.read) == "abcb"


def test_what_is_heavier_than_all_is_read_each_time_and_pushes_nothing_out() -> None:
    kept, store = weighed(10), Store(a=4, b=11, c=4)
    assert store.get(kept, "acbbac") == [4, 4, 11, 11, 4, 4]
    assert "".join(store.read) == "acbb"
    assert len(kept) == 2


def test_there_are_no_more_than_so_many_however_light() -> None:
    kept, store = weighed(10, most=2), Store(a=0, b=0, c=0)
    store.get(kept, "abcbc")
    assert "".join(store.read) == "abc"
    assert len(kept) == 2


def test_a_reading_that_fails_keeps_nothing_and_loses_nothing() -> None:
    kept, store = weighed(10), Store(a=4)

    def fail() -> bytes:
        raise OSError("the store is away")

    store.get(kept, "a")
    with pytest.raises(OSError, match="away"):
        kept.get("b", fail)
    store.get(kept, "a")
    assert store.read == ["a"]


def test_threads_together_stay_within_the_weight() -> None:
    kept, store = weighed(10), Store(a=4, b=4, c=4, d=11)
    with ThreadPoolExecutor(8) as pool:
        for found in pool.map(lambda turn: store.get(kept, "abcd"[turn % 4 :]), range(200)):
            assert found
    assert len(kept) == 2
    assert kept._weight() == 8


@pytest.mark.parametrize(("most", "reads"), [(10, 1), (3, 8)], ids=["kept", "too heavy"])
def test_what_several_want_at_once_is_read_by_one_of_them_at_a_time(most: int, reads: int) -> None:
    kept, store, reading = weighed(most), Store(a=4), threading.Lock()

    def read() -> bytes:
        assert reading.acquire(blocking=False), "somebody reads it already"
        time.sleep(0.02)  # as a store would take
        reading.release()
        return store.reader("a")()

    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(lambda _: len(kept.get("a", read)), range(8))) == [4] * 8
    assert len(store.read) == reads
    assert not kept._turns


def test_others_do_not_wait_for_one_that_is_read() -> None:
    kept, store, go_on = weighed(10), Store(a=4, b=4), threading.Event()

    def slowly() -> bytes:
        assert go_on.wait(60)
        return store.reader("a")()

    with ThreadPoolExecutor(1) as pool:
        slow = pool.submit(kept.get, "a", slowly)
        assert store.get(kept, "b") == [4]
        go_on.set()
        assert len(slow.result()) == 4


def test_it_goes_by_time_too_by_one_thread() -> None:
    kept, store = Kept[bytes](0.2, weigh=len, heaviest=10), Store(a=4, b=4)
    before = threading.active_count()
    store.get(kept, "abab")
    assert threading.active_count() <= before + 1
    until = time.monotonic() + 20
    while len(kept):
        assert time.monotonic() < until
        time.sleep(0.01)
    store.get(kept, "a")
    assert "".join(store.read) == "aba"


def test_a_worker_weighs_what_it_fetches_against_its_setting(settings: Any) -> None:
    assert artifacts._weigh(b"twelve bytes") == 12
    assert artifacts._heaviest == settings.ARTIFACT_MEMORY * MEGABYTE
