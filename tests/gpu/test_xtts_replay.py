"""What is asked of a card, by a stand-in that keeps the orders: here is none to ask."""

from __future__ import annotations

from contextlib import contextmanager
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest
import torch

from gpu_worker.batching import batch as batch_module
from gpu_worker.batching import replay as replay_module
from gpu_worker.batching import slots as slots_module
from gpu_worker.batching.batch import Batch
from gpu_worker.batching.floor import Shape
from gpu_worker.batching.replay import WARM, Replay, shapes
from gpu_worker.engines.xtts.engine import Settings
from gpu_worker.engines.xtts.parts import dtype_for, looks_for
from tests.gpu.batches import LONGEST, assert_same, together, utterances

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from gpu_worker.batching.transformer import Weights
    from gpu_worker.batching.utterances import Sound
    from gpu_worker.batching.vocoder import Decoder

pytestmark = [pytest.mark.filterwarnings("ignore"), pytest.mark.timeout(120)]


class Card:
    """torch.cuda, as far as a replay uses it. A recording may be made to fail at its end."""

    def __init__(self) -> None:
        self.current: Any = SimpleNamespace(wait_stream=lambda _: None)
        self.streams: list[Any] = []
        self.recorded_on: list[Any] = []
        self.fails = False
        self.replays = 0

    def Stream(self) -> Any:  # noqa: N802 - torch's names
        self.streams.append(SimpleNamespace(wait_stream=lambda _: None))
        return self.streams[-1]

    def CUDAGraph(self) -> Any:  # noqa: N802
        return self

    def replay(self) -> None:
        self.replays += 1

    def graph_pool_handle(self) -> None: ...

    def current_stream(self) -> Any:
        return self.current

    def set_stream(self, stream: Any) -> None:
        self.current = stream

    @contextmanager
    def stream(self, stream: Any) -> Iterator[None]:
        before, self.current = self.current, stream
        yield
        self.current = before

    @contextmanager
    def graph(self, *_: Any, stream: Any = None, **__: Any) -> Iterator[None]:
        before, self.current = self.current, stream
        yield
        self.recorded_on.append(stream)
        if self.fails:
            raise RuntimeError("the recording was spoilt")
        self.current = before


@pytest.fixture
def card(monkeypatch: pytest.MonkeyPatch) -> Card:
    made = Card()
    monkeypatch.setattr(replay_module, "torch", SimpleNamespace(cuda=made))
    return made


def test_all_is_recorded_once_and_on_one_stream_beside(card: Card) -> None:
    asked: list[tuple[int, int]] = []
    replay = Replay(lambda *shape: asked.append(shape), ())
    for shape in ((1, 128), (2, 128), (1, 128)):
        replay(*shape)
    assert asked == [(1, 128)] * (WARM + 1) + [(2, 128)] * (WARM + 1)
    assert card.replays == 3
    assert card.recorded_on == card.streams * 2


def test_a_recording_that_fails_leaves_the_thread_its_own_stream(card: Card) -> None:
    own, card.fails = card.current, True
    replay = Replay(lambda *_: None, ())
    with pytest.raises(RuntimeError, match="spoilt"):
        replay(1, 128)
    assert card.current is own
    card.fails = False
    replay(1, 128)
    assert card.replays == 1


def test_the_kinds_of_step_are_few_and_the_largest_comes_first() -> None:
    kinds = shapes(6, 256, 128)
    assert kinds == [(slots, long) for slots in (6, 4, 2, 1) for long in (256, 128)]
    assert len(shapes(256, 1152, 128)) == 81


class Recorder(Replay):
    """Does each step by itself, and keeps which kinds it was asked to prepare, and which to do."""

    made: list[Recorder]

    def __init__(self, advance: Any, state: Any) -> None:
        self.advance, self.done = advance, set[tuple[int, int]]()
        self.prepared: list[tuple[int, int]] = []
        self.made.append(self)

    def prepare(self, slots: int, length: int) -> None:
        self.prepared.append((slots, length))

    def __call__(self, slots: int, length: int) -> None:
        self.done.add((slots, length))
        self.advance(slots, length)


def test_a_card_is_chosen_and_its_steps_recorded_before_anybody_speaks(
    weights: Weights, decoder: Decoder, alone: list[Sound], monkeypatch: pytest.MonkeyPatch
) -> None:
    chosen: list[Any] = []
    Recorder.made = []
    for module in (batch_module, slots_module):
        monkeypatch.setattr(module, "on_card", lambda _: True)
    monkeypatch.setattr(slots_module, "Replay", Recorder)
    monkeypatch.setattr(torch.cuda, "set_device", chosen.append)
    batch = Batch(weights, decoder, Shape(3, LONGEST))
    [recorder] = Recorder.made
    assert chosen == [torch.device("cpu")]
    assert recorder.prepared == shapes(3, batch._floor._slots.cache.length, 128)  # type: ignore[union-attr]
    prepared = len(recorder.prepared)
    assert_same(together(batch, utterances(weights, 8)), alone)
    batch.close()
    assert recorder.done <= set(recorder.prepared)
    assert len(recorder.prepared) == prepared


def test_without_a_card_nothing_is_prepared(weights: Weights, decoder: Decoder) -> None:
    batch = Batch(weights, decoder, Shape(3, LONGEST))
    assert batch._floor is None
    batch.close()


def test_one_place_says_how_a_card_is_used(tmp_path: Path) -> None:
    card, cpu = torch.device("cuda:1"), torch.device("cpu")
    assert (dtype_for(card), dtype_for(cpu)) == (torch.bfloat16, torch.float32)
    assert (looks_for(card), looks_for(cpu)) == (4, 1)
    assert Settings(tmp_path, device="cuda:1").dtype == dtype_for(card)
    assert Settings(tmp_path).dtype == dtype_for(cpu)
