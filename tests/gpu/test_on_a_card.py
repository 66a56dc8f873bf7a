"""On a card: recorded steps give what the stock model gives there. Skipped where there is none."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch

from gpu_worker.batching.batch import Batch
from gpu_worker.batching.floor import Shape
from gpu_worker.engines.xtts.parts import decoder_of, weights_of
from gpu_worker.engines.xtts.stock import load_stock
from tests.gpu.test_xtts_exact import GREEDY, TEXTS, utterance

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from torch import Tensor

pytestmark = [
    pytest.mark.skipif(not torch.cuda.is_available(), reason="no card"),
    pytest.mark.filterwarnings("ignore"),
    pytest.mark.timeout(300),
]
NEAR = 1e-3  # of sound: a card's libraries choose their kernels by the shape


@pytest.fixture(scope="module")
def card(xtts_folder: Path) -> Iterator[Any]:
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = False
    yield load_stock(xtts_folder, torch.device("cuda"))
    torch.cuda.empty_cache()


@pytest.fixture(scope="module")
def voices(card: Any) -> list[tuple[Tensor, Tensor]]:
    random = torch.Generator().manual_seed(7)
    shapes = ((1, 32, card.gpt.model_dim), (1, 512, 1))

    def draw() -> tuple[Tensor, Tensor]:
        latents, speaker = (torch.randn(shape, generator=random) for shape in shapes)
        return latents.to(card.device), speaker.to(card.device)

    return [draw() for _ in TEXTS]


@pytest.mark.parametrize("slots", [1, 3, 8])
def test_what_is_spoken_together_is_what_the_stock_model_speaks_alone(
    card: Any, voices: list[tuple[Tensor, Tensor]], slots: int
) -> None:
    batch = Batch(weights_of(card), decoder_of(card), Shape(slots, 100, look_every=4))
    asked = [utterance(card, text, voice) for text, voice in zip(TEXTS, voices, strict=True)]
    streams = [batch.speak(one) for one in asked]
    heard = [np.concatenate(list(stream.listen())) for stream in streams]
    batch.close()
    for sound, text, (latents, speaker) in zip(heard, TEXTS, voices, strict=True):
        told = card.inference(text, "en", latents, speaker, do_sample=False, repetition_penalty=5.0)
        assert len(sound) == len(told["wav"]), "another number of tokens"
        assert np.abs(sound - told["wav"]).max() < NEAR


def test_the_same_request_is_the_same_sound_on_every_run(
    card: Any, voices: list[tuple[Tensor, Tensor]]
) -> None:
    batch = Batch(weights_of(card), decoder_of(card), Shape(4, 100))
    twice = [utterance(card, TEXTS[5], voices[5], sampling=GREEDY) for _ in range(2)]
    one, other = [np.concatenate(list(batch.speak(asked).listen())) for asked in twice]
    batch.close()
    assert np.array_equal(one, other)
