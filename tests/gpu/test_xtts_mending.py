"""A batch that breaks: nobody waits for ever; what can be mended is, the rest is given up."""

from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch

from gpu_worker.batching import batch as batch_module
from gpu_worker.batching import room as room_module
from gpu_worker.batching.batch import SPOILT, Batch, BrokenError
from gpu_worker.batching.entrance import Entrance
from gpu_worker.batching.floor import Shape
from gpu_worker.batching.room import FIRST_WAIT, LONGEST_WAIT, Room
from gpu_worker.batching.sampling import Sampling
from gpu_worker.batching.utterances import PATIENCE, Stream, Utterance
from tests.gpu.batches import (
    FEW,
    LONGEST,
    Breaking,
    assert_same,
    together,
    utterances,
    whole,
    with_head,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from gpu_worker.batching.transformer import Weights
    from gpu_worker.batching.utterances import Sound
    from gpu_worker.batching.vocoder import Decoder

pytestmark = [pytest.mark.filterwarnings("ignore"), pytest.mark.timeout(120)]


def always(*_: object) -> bool:
    return True


def assert_all_end(batch: Batch, asked: list[Utterance]) -> None:
    for stream in [batch.speak(one) for one in asked]:
        with pytest.raises(BrokenError):
            whole(stream)


@pytest.mark.parametrize("call", [1, 3])
def test_where_the_thread_dies_nobody_waits_for_ever(
    weights: Weights, open_batch: Callable[..., Batch], call: int
) -> None:
    """Neither who sits, nor who waits, nor who comes later."""
    head = Breaking(weights.head, lambda number, _: number == call, SystemExit)
    batch = open_batch(2, head=head)
    assert_all_end(batch, utterances(weights, 5))
    batch._thread.join()
    assert batch.broken
    assert_all_end(batch, utterances(weights, 1))


def test_where_mending_fails_nobody_waits_for_ever(
    weights: Weights, open_batch: Callable[..., Batch], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail() -> None:
        raise MemoryError

    monkeypatch.setattr(batch_module, "gc", SimpleNamespace(collect=fail))
    batch = open_batch(2, head=Breaking(weights.head, always, torch.OutOfMemoryError))
    assert_all_end(batch, utterances(weights, 3))
    assert_all_end(batch, utterances(weights, 1))


class Spoiling:
    """A batch that fails when it is told to, and how often it was given up."""

    def __init__(self, weights: Weights, decoder: Decoder) -> None:
        self.given_up, self.fails, self.weights = 0, True, weights
        head = Breaking(weights.head, lambda *_: self.fails, RuntimeError)
        shape = Shape(2, LONGEST)
        self.batch = Batch(with_head(weights, head), decoder, shape, self.give_up)

    def give_up(self) -> None:
        self.given_up += 1

    def fail(self, times: int, **changed: Any) -> None:
        for one in utterances(self.weights, 1, most=FEW, **changed) * times:
            with pytest.raises(BrokenError):
                whole(self.batch.speak(one))

    def speak(self) -> None:
        self.fails = False
        whole(self.batch.speak(utterances(self.weights, 1, most=FEW)[0]))
        self.fails = True


@pytest.fixture
def spoiling(
    weights: Weights, decoder: Decoder, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Spoiling]:
    """Its rubbish stays where it is: to look for it takes long among so many modules."""
    monkeypatch.setattr(batch_module, "gc", SimpleNamespace(collect=lambda: None))
    made = Spoiling(weights, decoder)
    yield made
    made.batch.close()


@pytest.mark.parametrize(("times", "given_up"), [(SPOILT - 1, 0), (SPOILT, 1), (2 * SPOILT, 1)])
def test_a_device_that_fails_again_and_again_is_given_up_once(
    spoiling: Spoiling, times: int, given_up: int
) -> None:
    spoiling.fail(times)
    spoiling.batch.close()
    assert spoiling.given_up == given_up


def test_sound_between_failures_says_that_the_device_is_sound(spoiling: Spoiling) -> None:
    for _ in range(3):
        spoiling.fail(SPOILT - 1)
        spoiling.speak()
    spoiling.batch.close()
    assert not spoiling.given_up


def test_a_device_on_which_nothing_can_begin_is_given_up_too(spoiling: Spoiling) -> None:
    spoiling.fail(SPOILT, sampling=Sampling(length_penalty=-1.0))
    spoiling.batch.close()
    assert spoiling.given_up == 1


def test_who_is_listened_to_in_the_middle_of_a_text_comes_before_those_who_came_later(
    weights: Weights,
) -> None:
    later, patient = (Stream(utterances(weights, 1, soon=False)[0]) for _ in range(2))
    new = [Stream(one) for one in utterances(weights, 2)]
    entrance = Entrance()
    for stream in [*new, patient, later]:
        entrance.put(stream)
    listener = later.listen()
    next(listener)
    assert [entrance.take() for _ in range(4)] == [later, *new, patient]


def test_who_has_waited_long_comes_before_those_who_came_later(weights: Weights) -> None:
    old, young = (Stream(utterances(weights, 1, soon=False)[0]) for _ in range(2))
    new = Stream(utterances(weights, 1)[0])
    old._asked_at -= PATIENCE
    entrance = Entrance()
    for stream in (young, new, old):
        entrance.put(stream)
    assert [entrance.take() for _ in range(3)] == [old, new, young]


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    """Of who waits for memory."""
    made = SimpleNamespace(now=1000.0)
    monkeypatch.setattr(room_module, "monotonic", lambda: made.now)
    return made


def test_after_a_while_there_are_as_many_slots_again_and_nobody_is_disturbed(
    weights: Weights,
    alone: list[Sound],
    open_batch: Callable[..., Batch],
    clock: SimpleNamespace,
) -> None:
    head = Breaking(weights.head, lambda call, _: call == 2, torch.OutOfMemoryError)
    batch = open_batch(4, head=head)
    assert_same(together(batch, utterances(weights, 4)), alone[:4])
    assert batch.shape.slots == 2
    listeners = [batch.speak(one).listen() for one in utterances(weights, 2)]
    begun = [next(listener) for listener in listeners]
    clock.now += FIRST_WAIT
    assert_same(together(batch, utterances(weights, 4)), alone[:4])
    assert batch.shape.slots == 4
    ended = [np.concatenate([one, *rest]) for one, rest in zip(begun, listeners, strict=True)]
    assert_same(ended, alone[:2])


def test_each_try_puts_the_next_one_off_for_twice_as_long(clock: SimpleNamespace) -> None:
    room, waits = Room(8), []
    for _ in range(10):
        room.halve()
        room.halve()
        began = clock.now
        while not room.due:
            clock.now += FIRST_WAIT / 2
        waits.append(clock.now - began)
        room.restore()
        assert (room.slots, room.due) == (8, False)
    assert waits[:4] == [60, 120, 240, 480]
    assert waits[-1] == LONGEST_WAIT


@pytest.mark.parametrize("slots", [0, -1])
def test_a_batch_without_a_slot_is_refused(slots: int) -> None:
    with pytest.raises(ValueError, match="slots"):
        Shape(slots, LONGEST)


def test_who_looks_every_few_steps_hears_the_same(
    weights: Weights, decoder: Decoder, alone: list[Sound]
) -> None:
    batch = Batch(weights, decoder, Shape(3, LONGEST, look_every=4))
    assert_same(together(batch, utterances(weights, 8)), alone)
    batch.close()
