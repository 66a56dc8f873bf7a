"""One batch for everybody: each sounds as it would alone, and what breaks is mended."""

from __future__ import annotations

import itertools
import logging
import weakref
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch
from torch import nn

from gpu_worker.batching.batch import Batch, BrokenError, NoMemoryError
from gpu_worker.batching.entrance import Entrance
from gpu_worker.batching.floor import Shape
from gpu_worker.batching.sampling import Sampling
from gpu_worker.batching.slots import Slots
from gpu_worker.batching.utterances import Stream
from tests.gpu.batches import (
    FEW,
    LONGEST,
    Breaking,
    assert_same,
    codes_of,
    together,
    utterances,
    whole,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from gpu_worker.batching.transformer import Weights
    from gpu_worker.batching.utterances import Sound
    from gpu_worker.batching.vocoder import Decoder

pytestmark = [pytest.mark.filterwarnings("ignore"), pytest.mark.timeout(300)]


def test_many_threads_at_once_sound_as_each_alone(
    weights: Weights, alone: list[Sound], open_batch: Callable[..., Batch]
) -> None:
    batch, asked = open_batch(3), utterances(weights, 8)
    with ThreadPoolExecutor(8) as pool:
        for _ in range(2):
            assert_same(list(pool.map(lambda one: whole(batch.speak(one)), asked)), alone)


@torch.inference_mode()
def test_the_tokens_of_each_are_those_it_has_alone(weights: Weights) -> None:
    asked = utterances(weights, 6)
    full, single = Slots(weights, 6, LONGEST), Slots(weights, 1, LONGEST)
    for slot, one in enumerate(asked):
        full.begin(slot, one.prefix, one.sampling)
    codes = codes_of(full, 6, 40)
    for slot, one in enumerate(asked):
        single.begin(0, one.prefix, one.sampling)
        assert codes_of(single, 1, 40)[0] == codes[slot]
    assert len(set(map(tuple, codes))) == 6


def test_a_seed_is_a_sound_and_another_seed_another(
    weights: Weights, open_batch: Callable[..., Batch]
) -> None:
    one = utterances(weights, 3, most=FEW)[2]
    seeds = [replace(one, sampling=replace(one.sampling, seed=seed)) for seed in (1, 2, 1)]
    first, other, again = together(open_batch(3), seeds)
    assert_same([first], [again])
    assert len(first) == len(other)
    assert np.abs(first - other).max() > 1e-3


def test_together_they_take_the_steps_of_the_longest_and_not_of_the_sum(
    weights: Weights, alone: list[Sound], open_batch: Callable[..., Batch]
) -> None:
    apart, batch, asked = open_batch(1), open_batch(8), utterances(weights, 8)
    assert_same(together(batch, asked), alone)
    together(apart, asked)
    assert batch.steps < apart.steps / 3


def test_three_hundred_requests_pass_through_four_slots(
    weights: Weights, open_batch: Callable[..., Batch]
) -> None:
    greedy = Sampling(top_k=1)
    asked = utterances(weights, 10, most=FEW, speed=1.0, sampling=greedy) * 30
    batch = open_batch(4)
    sounds = together(batch, asked)
    assert_same(sounds, sounds[:10] * 30)
    assert batch.steps <= 1.1 * 300 * FEW / 4


def test_who_leaves_frees_the_slot_at_once(
    weights: Weights, alone: list[Sound], open_batch: Callable[..., Batch]
) -> None:
    batch, (staying, *_) = open_batch(1), utterances(weights, 1)
    endless = replace(staying, most=None, sampling=Sampling(length_penalty=1e30))
    leaving = batch.speak(endless)
    heard = leaving.listen()
    while not len(next(heard)):
        pass
    waiting, at_once = batch.speak(endless), batch.speak(staying)
    waiting.leave()
    heard.close()
    before = batch.steps
    assert_same([whole(at_once)], alone[:1])
    assert batch.steps - before <= 50 + 2 < weights.longest


def test_who_is_listened_to_comes_before_the_rest_and_who_has_left_not_at_all(
    weights: Weights,
) -> None:
    later, soon = (utterances(weights, 1, soon=soon)[0] for soon in (False, True))
    streams = [Stream(one) for one in (later, soon, later, soon, soon)]
    entrance = Entrance()
    for stream in reversed(streams):
        entrance.put(stream)
    streams[3].leave()
    taken = [entrance.take() for _ in range(5)]
    assert taken == [streams[1], streams[4], streams[0], streams[2], None]


@pytest.mark.parametrize("slots", [8, 5])
def test_without_memory_for_so_many_fewer_sit_and_all_are_spoken(
    weights: Weights, alone: list[Sound], open_batch: Callable[..., Batch], slots: int
) -> None:
    head = Breaking(weights.head, lambda _, shape: shape[0] > 2, torch.OutOfMemoryError)
    batch = open_batch(slots, head=head)
    assert_same(together(batch, utterances(weights, 8)), alone)
    assert batch.shape.slots == 2


@pytest.mark.parametrize("step", [1, 2, 25])
def test_memory_that_ends_in_the_middle_gives_nothing_twice(
    weights: Weights, alone: list[Sound], open_batch: Callable[..., Batch], step: int
) -> None:
    """At step 25 the first sound of all has been given, and the second of none."""
    head = Breaking(weights.head, lambda call, _: call == step, torch.OutOfMemoryError)
    batch = open_batch(4, head=head)
    assert_same(together(batch, utterances(weights, 4)), alone[:4])
    assert batch.shape.slots == 2


class Scarce(torch.Tensor):
    """Of its kind and device there is room for a few slots."""

    room = 2

    def new_zeros(self, *shape: int, **_: Any) -> torch.Tensor:  # type: ignore[override]
        if shape[2] > self.room:
            raise torch.OutOfMemoryError("as the test wants it")
        return torch.zeros(shape)


def test_without_memory_to_seat_another_those_who_sit_are_spoken_and_so_is_he(
    weights: Weights, alone: list[Sound], open_batch: Callable[..., Batch]
) -> None:
    """The third prefix that is read is too much; a step reads a single place of each."""
    seated = itertools.count(1)

    def breaks(_: int, shape: Sequence[int]) -> bool:
        return shape[1] > 1 and next(seated) == 3

    first, *rest = weights.blocks
    norm = Breaking(first.ln_1, breaks, torch.OutOfMemoryError)
    block = SimpleNamespace(ln_1=norm, attn=first.attn, ln_2=first.ln_2, mlp=first.mlp)
    batch = open_batch(4, blocks=[block, *rest])
    assert_same(together(batch, utterances(weights, 4)), alone[:4])
    assert batch.shape.slots == 2


def scarce(weights: Weights, kind: type[Scarce]) -> nn.Embedding:
    rows, width = weights.tokens.weight.shape
    weight = weights.tokens.weight.detach().as_subclass(kind)
    return nn.Embedding(rows, width, _weight=weight)


def test_without_room_for_the_slots_themselves_there_are_fewer(
    weights: Weights, alone: list[Sound], open_batch: Callable[..., Batch]
) -> None:
    batch = open_batch(8, tokens=scarce(weights, Scarce))
    assert_same(together(batch, utterances(weights, 8)), alone)
    assert batch.shape.slots == 2


class Full(Scarce):
    room = 0


def test_without_room_for_one_slot_everybody_is_told(
    weights: Weights, open_batch: Callable[..., Batch]
) -> None:
    batch = open_batch(2, tokens=scarce(weights, Full))
    for stream in [batch.speak(one) for one in utterances(weights, 3)]:
        with pytest.raises(NoMemoryError):
            whole(stream)


def test_one_for_whom_there_is_no_memory_is_told_and_the_next_one_speaks(
    weights: Weights, alone: list[Sound], open_batch: Callable[..., Batch]
) -> None:
    head = Breaking(weights.head, lambda call, _: call <= 3, torch.OutOfMemoryError)
    batch, (first, second) = open_batch(4, head=head), utterances(weights, 2)
    with pytest.raises(NoMemoryError, match="as the test wants it"):
        whole(batch.speak(first))
    assert batch.shape.slots == 1
    assert_same(together(batch, [first, second]), alone[:2])


def test_a_failure_ends_those_who_sit_and_nobody_else(
    weights: Weights, alone: list[Sound], open_batch: Callable[..., Batch]
) -> None:
    head = Breaking(weights.head, lambda call, _: call == 5, RuntimeError)
    batch = open_batch(2, head=head)
    streams = [batch.speak(one) for one in utterances(weights, 4)]
    for stream in streams[:2]:
        with pytest.raises(BrokenError, match="RuntimeError: as the test wants it"):
            whole(stream)
    assert_same([whole(stream) for stream in streams[2:]], alone[2:4])


def test_what_failed_is_not_kept_in_memory(
    weights: Weights, open_batch: Callable[..., Batch], caplog: pytest.LogCaptureFixture
) -> None:
    """Not even by whoever keeps the error: a second cache would find no room on a card."""
    caplog.set_level(logging.CRITICAL, "gpu_worker.batching.batch")  # it keeps what it captures
    failed: list[weakref.ref[Any]] = []

    def breaks(call: int, _: Sequence[int]) -> bool:
        if call in (3, 6):
            failed.append(weakref.ref(batch._floor._slots.cache.rows))  # type: ignore[union-attr]
        return call in (3, 6)

    for kind in (torch.OutOfMemoryError, RuntimeError):
        failed.clear()
        batch = open_batch(2, head=Breaking(weights.head, breaks, kind))
        stream = batch.speak(utterances(weights, 1, most=FEW)[0])
        with pytest.raises((NoMemoryError, BrokenError)) as told:
            whole(stream)
        together(batch, utterances(weights, 1, most=1))
        assert failed
        assert all(reference() is None for reference in failed), told


@pytest.mark.parametrize("spoiled", ["prefix", "speed", "sampling"])
def test_who_cannot_begin_ends_alone(
    weights: Weights, alone: list[Sound], open_batch: Callable[..., Batch], spoiled: str
) -> None:
    batch, asked = open_batch(3), utterances(weights, 3)
    wrong: dict[str, Any] = {
        "prefix": torch.zeros(3, weights.width + 1),
        "speed": 0.0,
        "sampling": Sampling(length_penalty=-1.0),
    }
    streams = [batch.speak(one) for one in asked[:2]]
    bad = batch.speak(replace(asked[2], **{spoiled: wrong[spoiled]}))
    with pytest.raises(BrokenError):
        whole(bad)
    assert_same([whole(stream) for stream in streams], alone[:2])
    assert_same(together(batch, asked), alone[:3])


def test_who_says_next_to_nothing_at_double_speed_is_heard_and_spoils_nobody(
    weights: Weights, alone: list[Sound], open_batch: Callable[..., Batch]
) -> None:
    asked = utterances(weights, 3)
    shortest = replace(asked[2], most=1, speed=2.0)
    *sounds, short = together(open_batch(3), [*asked[:2], shortest])
    assert_same(sounds, alone[:2])
    assert len(short)


def test_a_prefix_for_which_there_is_no_place_is_refused_at_once(
    weights: Weights, open_batch: Callable[..., Batch]
) -> None:
    one = utterances(weights, 1, prefix=torch.zeros(LONGEST + 1, weights.width))[0]
    with pytest.raises(ValueError, match="65 places"):
        open_batch(1).speak(one)


def test_closing_waits_for_all_that_was_asked_and_lets_nobody_in(
    weights: Weights, decoder: Decoder, alone: list[Sound]
) -> None:
    batch, asked = Batch(weights, decoder, Shape(2, LONGEST)), utterances(weights, 5)
    streams = [batch.speak(one) for one in asked]
    batch.close()
    assert not batch._thread.is_alive()
    assert_same([whole(stream) for stream in streams], alone[:5])
    with pytest.raises(BrokenError, match="closed"):
        whole(batch.speak(asked[0]))
