"""What is asked of batches, and parts of a model that break."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import torch
from torch import nn

from gpu_worker.batching.sampling import Sampling
from gpu_worker.batching.utterances import Stream, Utterance

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from gpu_worker.batching.batch import Batch
    from gpu_worker.batching.slots import Slots
    from gpu_worker.batching.transformer import Weights
    from gpu_worker.batching.utterances import Sound

LONGEST = 64
FEW = 6  # tokens


def with_head(weights: Weights, head: nn.Module) -> Weights:
    """What takes the head only calls it."""
    return replace(weights, head=cast("nn.Linear", head))


def utterances(weights: Weights, count: int, **same: Any) -> list[Utterance]:
    """All unlike in voice, text, dials, seed, length and speed."""
    random = torch.Generator().manual_seed(11)
    made = []
    for number in range(count):
        sampling = Sampling(
            temperature=(1.0, 10.0, 30.0)[number % 3],  # this model is very sure of itself
            top_k=(0, 5, 50)[number % 3],
            top_p=(1.0, 0.7)[number % 2],
            repetition_penalty=1.0 + number % 4,
            length_penalty=(1.0, 0.5)[number % 2],
            seed=number,
        )
        own = {
            "prefix": torch.randn(35 + number % 7, weights.width, generator=random),
            "speaker": torch.randn(512, 1, generator=random),
            "sampling": sampling,
            "speed": (1.0, 0.8, 1.4)[number % 3],
            "most": 50 - 3 * number,
        }
        made.append(Utterance(**{**own, **same}))
    return made


def whole(stream: Stream) -> Sound:
    return np.concatenate(list(stream.listen()))


def together(batch: Batch, asked: Sequence[Utterance]) -> list[Sound]:
    return [whole(stream) for stream in [batch.speak(one) for one in asked]]


def assert_same(sounds: Sequence[Sound], others: Sequence[Sound]) -> None:
    assert [len(one) for one in sounds] == [len(one) for one in others]
    for one, other in zip(sounds, others, strict=True):
        assert np.abs(one - other).max() < 1e-6


def codes_of(slots: Slots, count: int, steps: int) -> list[list[int]]:
    """The next tokens of each of the first slots."""
    made = []
    for _ in range(steps):
        slots.step(count)
        made.append(slots._token[:count].clone())
    return torch.stack(made, dim=1).tolist()


class Breaking(nn.Module):
    """A part of the model that fails where it is told to, and else does its work."""

    def __init__(
        self,
        part: nn.Module,
        breaks: Callable[[int, Sequence[int]], bool],
        error: type[BaseException],
    ) -> None:
        super().__init__()
        self.part, self.breaks, self.error = part, breaks, error
        self.calls = 0

    def forward(self, states: torch.Tensor) -> Any:
        self.calls += 1
        if self.breaks(self.calls, states.shape):
            raise self.error("as the test wants it")
        return self.part(states)
