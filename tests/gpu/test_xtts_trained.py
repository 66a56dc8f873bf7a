"""Trained voices of XTTS: each speaks by its own weights, beside others, and is soon let go."""

from __future__ import annotations

import json
import threading
import weakref
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch
from safetensors.torch import load, save

from gpu_worker.engines.xtts import trained
from gpu_worker.engines.xtts.engine import XttsEngine
from gpu_worker.engines.xtts.guests import Guests
from gpu_worker.engines.xtts.stock import load_stock
from gpu_worker.engines.xtts.voice import (
    Hearing,
    Speaker,
    Trained,
    is_trained,
    name_of,
    pack,
    unpack_trained,
)
from synthesis_worker.audio import join
from synthesis_worker.contract import EngineBusy, SpeechError, SpeechRequest
from tests.ledger import eventually

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from gpu_worker.batching.utterances import Sound

pytestmark = [
    pytest.mark.filterwarnings("ignore"),
    pytest.mark.timeout(300),
    pytest.mark.slow,
]

TEXT = "Good morning everyone!"
GREEDY = {"temperature": 1.0, "top_k": 1.0, "top_p": 1.0, "repetition_penalty": 5.0}


def of(voice: bytes, text: str = TEXT, **changes: Any) -> SpeechRequest:
    return SpeechRequest(text, "en", "xtts_v2", artifact=voice, **changes)


def said(engine: XttsEngine, voice: bytes, text: str = TEXT, **changes: Any) -> Sound:
    return join(engine.synthesize(of(voice, text, **changes))).samples


def digest_of(engine: XttsEngine) -> str:
    return engine.capabilities.models[0].digest


def repacked(voice: bytes, digest: str, change: Callable[[dict[str, Any]], Any]) -> bytes:
    """A whole file of other weights."""
    speaker, weights = unpack_trained(voice, digest, 64)
    change(weights)
    return pack(speaker, digest, [], Hearing(), Trained(weights, {}))


@pytest.fixture(scope="module")
def another(taught: bytes, xtts: XttsEngine) -> bytes:
    """A second trained voice."""

    def louder(weights: dict[str, Any]) -> None:
        weights["gpt.text_embedding.weight"].mul_(1.5)

    return repacked(taught, digest_of(xtts), louder)


@pytest.fixture
def narrow(xtts: XttsEngine) -> Iterator[XttsEngine]:
    """An engine with room for one trained voice, over the same model."""
    engine = XttsEngine(replace(xtts._settings, trained=1, slots=2))
    yield engine
    engine.close()


@torch.inference_mode()
def test_it_says_what_the_stock_model_says_with_these_weights(
    xtts: XttsEngine, taught: bytes, quick_folder: Path
) -> None:
    speaker, weights = unpack_trained(taught, digest_of(xtts), 64)
    stock = load_stock(quick_folder, torch.device("cpu"))
    read = stock.load_state_dict({name: one.float() for name, one in weights.items()}, strict=False)
    assert read.unexpected_keys == []
    assert all(
        name.startswith(("hifigan_decoder.", "gpt.gpt_inference.", "gpt.gpt.wte.", "mel_stats"))
        for name in read.missing_keys
    )
    stock.gpt.init_gpt_for_inference()
    latents, timbre = speaker.latents[None], speaker.embedding[None]
    for text in (TEXT, "Hi.", "One two three four five six seven."):
        told = stock.inference(text, "en", latents, timbre, do_sample=False, repetition_penalty=5.0)
        found = said(xtts, taught, text, dials=GREEDY)
        assert np.abs(found - np.clip(told["wav"], -1, 1)).max() < 1e-6


def test_without_its_weights_the_same_speaker_speaks_otherwise(
    xtts: XttsEngine, taught: bytes
) -> None:
    speaker, _ = unpack_trained(taught, digest_of(xtts), 64)
    alone = pack(speaker, digest_of(xtts), [], Hearing())
    one, other = (said(xtts, voice, dials=GREEDY) for voice in (alone, taught))
    assert one.tobytes() != other.tobytes()


def test_trained_and_cloned_voices_speak_at_the_same_time_and_change_nobody(
    xtts: XttsEngine, taught: bytes, another: bytes, voices: list[bytes]
) -> None:
    asked = [of(voice, seed=seed) for seed in (1, 2) for voice in (*voices, taught, another)]
    clones = [join(xtts.synthesize(one)).samples for one in asked[:2]]
    alone = [join(xtts.synthesize(one)).samples for one in asked]
    assert [one.tobytes() for one in clones] == [one.tobytes() for one in alone[:2]]
    assert len({one.tobytes() for one in alone}) == len(asked)
    with ThreadPoolExecutor(8) as pool:
        together = list(pool.map(lambda one: join(xtts.synthesize(one)).samples, asked * 2))
    for one, expected in zip(together, alone * 2, strict=True):
        assert np.abs(one - expected).max() < 1e-6
    assert len(xtts._guests) == 2


def test_the_vocoder_and_the_model_are_shared(xtts: XttsEngine, taught: bytes) -> None:
    said(xtts, taught, "Hi.")
    loaded = xtts._model()
    (guest,) = [one for name, one in xtts._guests._guests.items() if name == name_of(taught)]
    own = guest.voice.loaded
    assert own.wording is loaded.wording
    assert own.batch._decoder.generator is loaded.batch._decoder.generator
    assert own.batch is not loaded.batch
    shared = {one.data_ptr() for one in loaded.model.gpt.parameters()}
    assert not shared & {one.data_ptr() for one in own.model.gpt.parameters()}


def test_where_there_is_room_for_one_it_makes_room_when_it_is_idle(
    narrow: XttsEngine, xtts: XttsEngine, taught: bytes, another: bytes, voices: list[bytes]
) -> None:
    first, second = (said(xtts, voice) for voice in (taught, another))
    running = narrow.synthesize(of(taught))
    heard = [next(running).samples]
    with pytest.raises(EngineBusy) as refused:
        narrow.synthesize(of(another))
    assert (refused.value.code, refused.value.permanent) == ("voices_busy", False)
    assert said(narrow, voices[0]).tobytes() == said(xtts, voices[0]).tobytes()
    heard += [one.samples for one in running]
    assert np.abs(np.concatenate(heard) - first).max() < 1e-6
    assert np.abs(said(narrow, another) - second).max() < 1e-6
    assert [*narrow._guests._guests] == [name_of(another)]


def test_who_closes_early_makes_room(narrow: XttsEngine, taught: bytes, another: bytes) -> None:
    running = narrow.synthesize(of(taught))
    next(running)
    running.close()
    never_begun = narrow.synthesize(of(taught))
    assert len(said(narrow, another))
    assert len(join(never_begun).samples)


def test_after_its_time_nothing_of_it_is_in_memory(
    narrow: XttsEngine, taught: bytes, voices: list[bytes]
) -> None:
    narrow._guests = Guests(1, seconds=0.2)
    running = narrow.synthesize(of(taught))
    next(running)
    (guest,) = narrow._guests._guests.values()
    gpt, worker = weakref.ref(guest.voice.loaded.model.gpt), guest.voice.loaded.batch._thread
    del guest
    list(running)
    worker.join(60)
    assert not worker.is_alive()
    eventually(lambda: gpt() is None, 30)
    assert len(said(narrow, voices[0]))
    assert len(said(narrow, taught))


def test_a_closed_engine_ends_what_it_speaks_and_takes_nobody_in(
    xtts: XttsEngine, taught: bytes
) -> None:
    engine = XttsEngine(replace(xtts._settings, slots=1))
    running = engine.synthesize(of(taught))
    heard = [next(running).samples]
    engine.close()
    heard += [one.samples for one in running]
    assert np.abs(np.concatenate(heard) - said(xtts, taught)).max() < 1e-6
    with pytest.raises(EngineBusy):
        said(engine, taught)


def facts_of(voice: bytes) -> dict[str, str]:
    size = int.from_bytes(voice[:8], "little")
    facts: dict[str, str] = json.loads(voice[8 : 8 + size])["__metadata__"]
    return facts


def told(voice: bytes, **facts: Any) -> bytes:
    changed = json.loads(facts_of(voice)["voicemill"]) | facts
    return save(load(voice), metadata={"voicemill": json.dumps(changed)})


def without(voice: bytes, part: str) -> bytes:
    tensors = {name: one for name, one in load(voice).items() if not name.startswith(part)}
    return save(tensors, metadata=facts_of(voice))


def one_bit(voice: bytes) -> bytes:
    return voice[:-9] + bytes([voice[-9] ^ 1]) + voice[-8:]


SPOILT: dict[str, Callable[[bytes], bytes]] = {
    "one bit is another": one_bit,
    "cut at its end": lambda voice: voice[:-1],
    "cut in its middle": lambda voice: voice[: len(voice) // 2],
    "cut in its head": lambda voice: voice[:400],
    "no weights": lambda voice: without(voice, "gpt."),
    "half of its weights": lambda voice: without(voice, "gpt.gpt.h.1."),
    "no speaker": lambda voice: without(voice, "latents"),
    "says nothing of its training": lambda voice: told(voice, trained={}),
    "its training is a word": lambda voice: told(voice, trained="yes"),
    "its training is nothing": lambda voice: told(voice, trained=None),
}
REMADE: dict[str, Callable[[dict[str, Any]], Any]] = {
    "no weights": lambda weights: weights.clear(),
    "a weight less": lambda weights: weights.pop("gpt.mel_head.bias"),
    "a weight more": lambda weights: weights.update({"gpt.more": torch.zeros(1)}),
    "other sizes": lambda weights: weights.update({"gpt.mel_head.bias": torch.zeros(7)}),
}


def refusal(engine: XttsEngine, voice: bytes) -> str:
    with pytest.raises(SpeechError) as refused:
        engine.synthesize(of(voice))
    assert refused.value.permanent
    return refused.value.code


@pytest.mark.parametrize("how", SPOILT)
def test_a_trained_voice_that_is_damaged_is_refused_at_once(
    xtts: XttsEngine, taught: bytes, how: str
) -> None:
    xtts._guests.close()
    xtts._guests = Guests(2)  # nobody is here whose name it could have
    assert refusal(xtts, SPOILT[how](taught)) == "artifact_damaged"


@pytest.mark.parametrize("how", REMADE)
def test_a_trained_voice_that_does_not_fit_the_model_is_refused_at_once(
    xtts: XttsEngine, taught: bytes, how: str
) -> None:
    voice = repacked(taught, digest_of(xtts), REMADE[how])
    assert refusal(xtts, voice) == "artifact_damaged"


@pytest.mark.parametrize("facts", [{"model": "0" * 64}, {"engine": "styletts2"}])
def test_a_voice_trained_on_another_base_is_refused_at_once(
    xtts: XttsEngine, taught: bytes, facts: dict[str, str]
) -> None:
    assert refusal(xtts, told(taught, **facts)) == "artifact_outdated"


def test_after_bad_voices_the_good_ones_speak(
    narrow: XttsEngine, xtts: XttsEngine, taught: bytes, voices: list[bytes]
) -> None:
    expected = [said(xtts, voice).tobytes() for voice in (taught, voices[0])]
    threads = threading.active_count()
    for how in SPOILT.values():
        refusal(narrow, how(taught))
    assert threading.active_count() <= threads + 1
    assert len(narrow._guests) == 0
    assert [said(narrow, voice).tobytes() for voice in (taught, voices[0])] == expected


def test_a_voice_whose_weights_break_it_is_told_so_and_spoils_nobody(
    xtts: XttsEngine, taught: bytes, voices: list[bytes]
) -> None:
    def huge(weights: dict[str, Any]) -> None:
        weights["gpt.text_embedding.weight"].fill_(float("nan"))

    good = [said(xtts, voice).tobytes() for voice in (taught, voices[0])]
    with pytest.raises(EngineBusy) as refused:
        said(xtts, repacked(taught, digest_of(xtts), huge))
    assert refused.value.code == "engine_failed"
    assert [said(xtts, voice).tobytes() for voice in (taught, voices[0])] == good


def test_without_memory_for_its_weights_another_try_may_do(
    narrow: XttsEngine, taught: bytes, voices: list[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    def crowded(_: Any) -> None:
        raise torch.OutOfMemoryError("no room")

    with monkeypatch.context() as patch:
        patch.setattr(trained, "deepcopy", crowded)
        with pytest.raises(EngineBusy) as refused:
            narrow.synthesize(of(taught))
    assert (refused.value.code, refused.value.permanent) == ("no_memory", False)
    assert len(said(narrow, voices[0]))
    assert len(said(narrow, taught))


def test_a_name_tells_apart_voices_whose_facts_are_the_same(
    taught: bytes, another: bytes, voices: list[bytes], xtts: XttsEngine
) -> None:
    same = repacked(another, digest_of(xtts), lambda _: None)
    less = repacked(another, digest_of(xtts), lambda one: one["gpt.mel_head.bias"].add_(0.5))
    assert name_of(same) == name_of(another)
    assert len({name_of(one) for one in (less, another, taught, *voices)}) == 5
    assert [is_trained(one) for one in (taught, voices[0], b"")] == [True, False, False]


def test_a_speaker_is_heard_as_before() -> None:
    """The file of a clone has no place for weights."""
    speaker = Speaker(torch.zeros(32, 64), torch.zeros(512, 1))
    assert set(load(pack(speaker, "0" * 64, [], Hearing()))) == {"latents", "speaker"}
