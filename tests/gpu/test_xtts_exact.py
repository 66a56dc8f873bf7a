"""What the batch says is what the stock model says: codes, latents, sound, whoever sits beside."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch

from gpu_worker.batching.batch import Batch
from gpu_worker.batching.floor import Shape
from gpu_worker.batching.sampling import Sampling
from gpu_worker.batching.slots import Slots
from gpu_worker.batching.utterances import Utterance
from gpu_worker.batching.vocoder import Stretch, decode
from gpu_worker.engines.xtts.parts import decoder_of, prefix_of, weights_of
from tests.gpu.batches import codes_of

if TYPE_CHECKING:
    from torch import Tensor

    from gpu_worker.batching.utterances import Sound

pytestmark = [pytest.mark.filterwarnings("ignore"), pytest.mark.timeout(300)]

GREEDY = Sampling(temperature=1.0, top_k=1, top_p=1.0, repetition_penalty=5.0)
TEXTS = (
    "Hi.",
    "Hello world, this is a test.",
    "Good morning everyone!",
    "One two three four five six seven eight nine ten eleven.",
    "A.",
    "The mill is running, and it runs all day.",
    "Nobody waits.",
)


@pytest.fixture(scope="module")
def voices(stock: Any) -> list[tuple[Tensor, Tensor]]:
    random = torch.Generator().manual_seed(7)
    width = stock.gpt.model_dim
    return [
        (torch.randn(1, 32, width, generator=random), torch.randn(1, 512, 1, generator=random))
        for _ in TEXTS
    ]


@pytest.fixture(scope="module")
def said(stock: Any, voices: list[tuple[Tensor, Tensor]]) -> list[dict[str, Any]]:
    """By the stock model, one after the other."""
    spoken = []
    for text, (latents, speaker) in zip(TEXTS, voices, strict=True):
        one = stock.inference(text, "en", latents, speaker, do_sample=False, repetition_penalty=5.0)
        tokens = torch.IntTensor(stock.tokenizer.encode(text.lower(), lang="en"))[None]
        codes = stock.gpt.generate(latents, tokens, do_sample=False, repetition_penalty=5.0)
        spoken.append({**one, "codes": codes[0]})
    return spoken


def utterance(stock: Any, text: str, voice: tuple[Tensor, Tensor], **more: Any) -> Utterance:
    tokens = torch.tensor(stock.tokenizer.encode(text.lower(), lang="en"))
    asked = {"sampling": GREEDY, **more}
    return Utterance(prefix_of(stock, voice[0][0], tokens), voice[1][0], **asked)


def together(stock: Any, slots: int, utterances: list[Utterance]) -> list[list[Sound]]:
    batch = Batch(weights_of(stock), decoder_of(stock), Shape(slots, 100))
    streams = [batch.speak(one) for one in utterances]
    heard = [list(stream.listen()) for stream in streams]
    batch.close()
    return heard


@pytest.mark.parametrize("slots", [1, 3, 8])
def test_what_is_spoken_together_is_what_the_stock_model_speaks_alone(
    stock: Any, voices: list[tuple[Tensor, Tensor]], said: list[dict[str, Any]], slots: int
) -> None:
    asked = [utterance(stock, text, voice) for text, voice in zip(TEXTS, voices, strict=True)]
    for sounds, one in zip(together(stock, slots, asked), said, strict=True):
        assert np.abs(np.concatenate(sounds) - one["wav"]).max() < 1e-6


@torch.inference_mode()
def test_codes_are_equal_and_latents_need_no_second_pass(
    stock: Any, voices: list[tuple[Tensor, Tensor]], said: list[dict[str, Any]]
) -> None:
    slots = Slots(weights_of(stock), len(TEXTS), 100)
    for slot, (text, voice) in enumerate(zip(TEXTS, voices, strict=True)):
        slots.begin(slot, utterance(stock, text, voice).prefix, GREEDY)
    codes = codes_of(slots, len(TEXTS), stock.gpt.max_gen_mel_tokens)
    for slot, one in enumerate(said):
        count = len(one["codes"])
        assert codes[slot][:count] == one["codes"].tolist()
        latents = torch.from_numpy(one["gpt_latents"][0])
        assert float((slots.latents[slot, :count] - latents).abs().max()) < 1e-5


def test_the_texts_tell_apart_codes_and_ends(stock: Any, said: list[dict[str, Any]]) -> None:
    """Else the two tests above would prove little."""
    codes = [tuple(one["codes"].tolist()) for one in said]
    assert len(set(codes)) == len(codes)
    assert len({len(one) for one in codes}) > 1
    assert any(one[-1] == stock.gpt.stop_audio_token for one in codes)


@torch.inference_mode()
def test_a_slot_remembers_nothing_of_who_sat_there_before(
    stock: Any, voices: list[tuple[Tensor, Tensor]], said: list[dict[str, Any]]
) -> None:
    slots = Slots(weights_of(stock), 2, 100)
    for poison in (1e4, -1e4, float("nan")):
        slots.cache.rows.fill_(poison)
        slots.latents.fill_(poison)
        slots.begin(1, utterance(stock, TEXTS[0], voices[0]).prefix, GREEDY)
        codes = codes_of(slots, 2, len(said[0]["codes"]))
        assert codes[1] == said[0]["codes"].tolist()
        slots.rest(1)


@torch.inference_mode()
@pytest.mark.parametrize("frames", [40, 87, 174])
@pytest.mark.parametrize("speed", [1.0, 0.7, 1.6])
def test_windows_give_what_the_whole_gives(stock: Any, frames: int, speed: float) -> None:
    decoder = decoder_of(stock)
    random = torch.Generator().manual_seed(frames)
    latents = torch.randn(90, stock.gpt.model_dim, generator=random)
    speaker = torch.randn(512, 1, generator=random)
    stretch, parts = Stretch(decoder, speaker, speed), []
    for made in range(1, 91):
        if made == 90 or made >= stretch.tokens_for(frames):
            parts += decode(decoder, stretch.cut(latents[:made], frames, ended=made == 90))
    stretched = latents[None]
    if speed != 1.0:
        stretched = torch.nn.functional.interpolate(
            latents.T[None], scale_factor=1 / speed, mode="linear"
        ).transpose(1, 2)
    whole = stock.hifigan_decoder(stretched, g=speaker[None])[0, 0]
    assert len(parts) > 1
    assert float((torch.cat(parts) - whole).abs().max()) < 1e-6


def test_the_first_sound_comes_before_the_last_token(
    stock: Any, voices: list[tuple[Tensor, Tensor]]
) -> None:
    heard = together(stock, 1, [utterance(stock, TEXTS[0], voices[0])])[0]
    assert len(heard) >= 3
    assert all(len(first) >= len(last) for first, last in pairwise(heard[1:]))
