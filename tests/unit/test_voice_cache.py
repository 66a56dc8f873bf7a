"""Voices in memory: loaded once, kept while used, dropped when others are newer."""

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
