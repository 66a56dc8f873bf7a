"""Voices in memory: loaded once, kept while used, dropped when others are newer."""

import math
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

from synthesis_worker.engines.voice_cache import VoiceCache


class Loads:
    """Counts how often each voice was loaded."""

    def __init__(self) -> None:
        self.done: list[str] = []

    def of(self, voice: str, seconds: float = 0.0) -> Callable[[], str]:
        def load() -> str:
            time.sleep(seconds)
            self.done.append(voice)
            return voice

        return load


def eventually(fact: Callable[[], bool], seconds: float = 20.0) -> None:
    until = time.monotonic() + seconds
    while not fact():
        assert time.monotonic() < until
        time.sleep(0.01)


def test_threads_that_ask_at_once_share_one_load() -> None:
    cache, loads = VoiceCache[str](keep=1), Loads()

    def use(_number: int) -> str:
        with cache.borrow("a", loads.of("a", seconds=0.1)) as voice:
            return voice

    with ThreadPoolExecutor(8) as pool:
        assert set(pool.map(use, range(8))) == {"a"}
    assert loads.done == ["a"]


def test_a_voice_in_use_outlives_newer_ones() -> None:
    cache, loads = VoiceCache[str](keep=1), Loads()
    with cache.borrow("a", loads.of("a")):
        for voice in "bcd":
            with cache.borrow(voice, loads.of(voice)):
                pass
        with cache.borrow("a", loads.of("a")):
            pass
    assert loads.done == ["a", "b", "c", "d"]
    assert len(cache) == 1


def test_the_longest_unused_goes_first() -> None:
    cache, loads = VoiceCache[str](keep=2), Loads()
    for voice in "abaca":
        with cache.borrow(voice, loads.of(voice)):
            pass
    assert loads.done == ["a", "b", "c"]


def test_a_voice_that_does_not_load_pushes_no_other_out() -> None:
    cache, loads = VoiceCache[str](keep=1), Loads()

    def fail() -> str:
        raise ValueError("damaged")

    with cache.borrow("good", loads.of("good")):
        pass
    with pytest.raises(ValueError, match="damaged"), cache.borrow("bad", fail):
        pytest.fail("a voice that did not load was lent")
    with cache.borrow("good", loads.of("good")):
        pass
    assert loads.done == ["good"]


def test_what_was_lent_for_a_time_goes_and_the_rest_stays() -> None:
    cache, loads = VoiceCache[str](keep=3), Loads()
    for voice, seconds in [("for ever", math.inf), ("an hour", 3600.0), ("a while", 0.05)]:
        with cache.borrow(voice, loads.of(voice), seconds):
            pass
    eventually(lambda: len(cache) == 2)
    for voice in ("for ever", "an hour", "a while"):
        with cache.borrow(voice, loads.of(voice)):
            pass
    assert loads.done == ["for ever", "an hour", "a while", "a while"]


def test_time_does_not_pass_for_a_voice_in_use() -> None:
    cache, loads = VoiceCache[str](keep=2), Loads()
    with cache.borrow("a", loads.of("a"), 0.01):
        for voice in "ab":
            with cache.borrow(voice, loads.of(voice), 0.01):
                pass
        eventually(lambda: len(cache) == 1)  # b went, and a was left before it
        with cache.borrow("a", loads.of("a"), 0.01):
            pass
    assert loads.done == ["a", "b"]
    eventually(lambda: not len(cache))


def test_a_use_puts_the_end_off() -> None:
    cache, loads = VoiceCache[str](keep=2), Loads()
    for voice, seconds in [("a", 0.05), ("a", 3600.0), ("b", 0.05)]:
        with cache.borrow(voice, loads.of(voice), seconds):
            pass
    eventually(lambda: len(cache) < 2)
    done = len(loads.done)
    with cache.borrow("a", loads.of("a")):
        pass
    assert len(loads.done) == done


def test_many_voices_lent_for_a_time_wait_by_one_thread() -> None:
    cache, loads, before = VoiceCache[str](keep=100), Loads(), threading.active_count()
    for turn in range(100):
        with cache.borrow(str(turn), loads.of(str(turn)), 60.0):
            pass
    assert threading.active_count() <= before + 1
