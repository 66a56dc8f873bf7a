"""XTTS clones: it hears samples as its package does, and refuses what is no voice."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from itertools import combinations
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch
from safetensors.torch import load, save
from torch import nn

from gpu_worker.engines.xtts.engine import PROOF, XttsEngine
from gpu_worker.engines.xtts.stock import FILES, hashes_of, published
from gpu_worker.engines.xtts.voice import LATENTS, SPEAKER, Speaker, likeness_of, unpack
from synthesis_worker.audio import join
from synthesis_worker.contract import EngineBusy, SpeechError, SpeechRequest, Waveform
from tests.gpu.card_workers import FOUR, NEAR
from tests.gpu.xtts_models import sample

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from gpu_worker.batching.utterances import Sound

pytestmark = [pytest.mark.filterwarnings("ignore"), pytest.mark.timeout(300)]


def stock_of(engine: XttsEngine) -> Any:
    return engine._model().model


def speaker_of(engine: XttsEngine, *samples: Waveform) -> Speaker:
    artifact = engine.clone(samples, lambda _: None)
    return unpack(artifact.data, artifact.digest, 64)


def said(engine: XttsEngine, voice: bytes) -> Sound:
    """Without any chance."""
    request = SpeechRequest("Hello.", "en", "xtts_v2", artifact=voice, dials={"top_k": 1})
    return join(engine.synthesize(request)).samples


def apart(one: Sound, other: Sound) -> float:
    """By how much they differ as far as both go."""
    both = min(len(one), len(other))
    return float(np.abs(one[:both] - other[:both]).max())


def facts_of(data: bytes) -> dict[str, str]:
    size = int.from_bytes(data[:8], "little")
    facts: dict[str, str] = json.loads(data[8 : 8 + size])["__metadata__"]
    return facts


@torch.inference_mode()
def test_it_hears_samples_as_the_package_does(xtts: XttsEngine) -> None:
    samples = [
        replace(sample(pitch, seconds), sample_rate=22_050)  # as they are, so as not to resample
        for pitch, seconds in ((0.0, 6.0), (0.5, 3.0))
    ]
    heard, model = speaker_of(xtts, *samples), stock_of(xtts)
    sounds = [torch.from_numpy(one.samples)[None] for one in samples]
    embeddings = torch.stack([model.get_speaker_embedding(one, 22_050) for one in sounds])
    latents = model.get_gpt_cond_latents(torch.cat(sounds, dim=-1), 22_050, 30, 4)
    assert torch.equal(heard.embedding, embeddings.mean(dim=0)[0])
    assert torch.equal(heard.latents, latents[0])


def test_voices_sound_apart_by_timbre_and_by_latents(xtts: XttsEngine) -> None:
    """Else whoever gets another's voice goes unnoticed elsewhere: the bound is 100 of its steps."""
    four = [xtts.clone([sample(pitch, 6.5)], lambda _: None).data for pitch in FOUR]
    for own, other in combinations(four, 2):
        whole, heard = said(xtts, own), load(other)
        for name in (SPEAKER, LATENTS):
            mixed = said(xtts, unlike(own, **{name: heard[name]}))
            assert apart(whole, mixed) > 100 * NEAR


def test_a_sample_of_another_rate_is_the_same_voice(xtts: XttsEngine) -> None:
    from synthesis_worker.audio import resample

    one, same = sample(), resample(sample(), 44_100)
    other = speaker_of(xtts, sample(0.8)).latents
    heard = speaker_of(xtts, one).latents
    assert (speaker_of(xtts, same).latents - heard).norm() < 0.3 * (other - heard).norm()


def test_the_artifact_says_what_it_was_made_of_and_is_the_same_again(xtts: XttsEngine) -> None:
    samples = [sample(0.0), sample(0.5)]
    made, again = (xtts.clone(samples, lambda _: None) for _ in range(2))
    facts = json.loads(facts_of(made.data)["voicemill"])
    assert (made.engine, made.likeness) == ("xtts_v2", None)
    assert facts["engine"] == xtts.capabilities.engine
    assert made.digest == facts["model"] == xtts.capabilities.models[0].digest
    assert facts["samples"] == [
        hashlib.sha256(one.samples.tobytes()).hexdigest() for one in samples
    ]
    assert made.data == again.data


def test_it_tells_how_far_it_is_and_ends_where_it_is_told(xtts: XttsEngine) -> None:
    told: list[float] = []
    xtts.clone([sample()], told.append)
    assert told == sorted(told)
    assert len(told) > 1

    class StoppedError(Exception):
        pass

    def stop(_: float) -> None:
        raise StoppedError

    with pytest.raises(StoppedError):
        xtts.clone([sample()], stop)


SILENCE = Waveform(np.zeros(96_000, np.float32), 24_000)
BROKEN = Waveform(np.full(96_000, np.nan, np.float32), 24_000)
ENDLESS = Waveform(np.full(96_000, np.inf, np.float32), 24_000)


@pytest.mark.parametrize(
    ("samples", "code"),
    [
        ([], "sample_missing"),
        ([sample(seconds=0.32)], "sample_too_short"),
        ([sample(), sample(seconds=0.1)], "sample_too_short"),
        ([Waveform(np.zeros(0, np.float32), 24_000)], "sample_too_short"),
        ([sample(seconds=16.0), sample(seconds=15.0)], "sample_too_long"),
        ([SILENCE], "sample_silent"),
        ([sample(), SILENCE], "sample_silent"),
        ([Waveform(sample().samples * 1e-4, 24_000)], "sample_silent"),
        ([BROKEN], "sample_damaged"),
        ([sample(), ENDLESS], "sample_damaged"),
    ],
)
def test_samples_that_give_no_voice_are_refused(
    xtts: XttsEngine, samples: Sequence[Waveform], code: str
) -> None:
    with pytest.raises(SpeechError) as refused:
        xtts.clone(samples, lambda _: None)
    assert (refused.value.code, refused.value.permanent) == (code, True)


@pytest.mark.parametrize("rate", [8_000, 22_050, 44_100, 48_000])
def test_the_shortest_sample_that_is_taken_is_heard(xtts: XttsEngine, rate: int) -> None:
    noise = np.random.default_rng(1).normal(0, 0.1, int(np.ceil(0.33 * rate)))
    heard = speaker_of(xtts, Waveform(noise.astype(np.float32), rate))
    assert heard.latents.shape == (32, 64)


def test_half_a_minute_of_samples_is_heard_and_more_is_refused(xtts: XttsEngine) -> None:
    """As the engine says before: `clone_seconds`."""
    long = join([sample(seconds=20.0)] * 2)
    half = Waveform(long.samples[: 15 * long.sample_rate], long.sample_rate)
    assert speaker_of(xtts, half, half).latents.isfinite().all()
    assert xtts.capabilities.clone_seconds == (6.0, 30.0)
    for samples in ([long], [half, half, sample(seconds=1.0)]):
        with pytest.raises(SpeechError) as refused:
            xtts.clone(samples, lambda _: None)
        assert (refused.value.code, refused.value.permanent) == ("sample_too_long", True)


@pytest.fixture
def crowded(xtts: XttsEngine) -> Iterator[None]:
    """No room for what listens to samples."""

    class Crowded(nn.Module):
        def forward(self, *_: Any, **__: Any) -> None:
            raise torch.OutOfMemoryError("no room")

    vocoder = stock_of(xtts).hifigan_decoder
    kept, vocoder.speaker_encoder = vocoder.speaker_encoder, Crowded()
    yield
    vocoder.speaker_encoder = kept


def test_without_memory_to_listen_another_try_may_do(xtts: XttsEngine, crowded: None) -> None:
    with pytest.raises(EngineBusy) as refused:
        xtts.clone([sample()], lambda _: None)
    assert (refused.value.code, refused.value.permanent) == ("no_memory", False)


def changed(voice: bytes, **facts: Any) -> bytes:
    """The voice, as another engine or model would have written it."""
    told = json.loads(facts_of(voice)["voicemill"]) | facts
    return save(load(voice), metadata={"voicemill": json.dumps(told)})


def unlike(voice: bytes, **tensors: torch.Tensor) -> bytes:
    return save({**load(voice), **tensors}, metadata=facts_of(voice))


SPOILT: dict[str, Any] = {
    "empty": lambda _: b"",
    "other": lambda _: b"nothing of the kind",
    "pickle": lambda _: b"\x80\x04cos\nsystem\n(S'false'\ntR.",
    "cut at its end": lambda voice: voice[:-1],
    "cut in its head": lambda voice: voice[:40],
    "without facts": lambda voice: save(load(voice)),
    "facts are a list": lambda voice: save(load(voice), metadata={"voicemill": "[]"}),
    "one tensor": lambda voice: save({"latents": torch.zeros(32, 64)}, metadata=facts_of(voice)),
    "too long": lambda voice: unlike(voice, latents=torch.zeros(400, 64)),
    "too wide": lambda voice: unlike(voice, latents=torch.zeros(32, 65)),
    "no timbre": lambda voice: unlike(voice, speaker=torch.zeros(0, 1)),
    "not finite": lambda voice: unlike(voice, latents=torch.full((32, 64), torch.nan)),
    "timbre not finite": lambda voice: unlike(voice, speaker=torch.full((512, 1), torch.inf)),
    "other numbers": lambda voice: unlike(voice, latents=torch.zeros(32, 64, dtype=torch.int64)),
}


def refused_code(xtts: XttsEngine, data: bytes) -> str:
    with pytest.raises(SpeechError) as refused:
        xtts.synthesize(SpeechRequest("Hello.", "en", "xtts_v2", artifact=data))
    assert refused.value.permanent
    return refused.value.code


@pytest.mark.parametrize("how", SPOILT)
def test_a_voice_that_is_damaged_is_refused_at_once(
    xtts: XttsEngine, voices: list[bytes], how: str
) -> None:
    assert refused_code(xtts, SPOILT[how](voices[0])) == "artifact_damaged"


def test_a_voice_that_breaks_the_model_is_told_so_and_spoils_nobody(
    xtts: XttsEngine, voices: list[bytes]
) -> None:
    """Its numbers are finite, and what is reckoned with them is not: nor is that left in a slot."""

    def said(voice: bytes) -> bytes:
        request = SpeechRequest("Hello there.", "en", "xtts_v2", artifact=voice)
        return join(xtts.synthesize(request)).samples.tobytes()

    good = said(voices[0])
    for _ in range(2):
        with pytest.raises(EngineBusy) as refused:
            said(unlike(voices[0], latents=torch.full((32, 64), 3e38)))
        assert refused.value.code == "engine_failed"
        assert said(voices[0]) == good


@pytest.mark.parametrize("facts", [{"model": "0" * 64}, {"engine": "styletts2"}])
def test_a_voice_of_another_model_or_engine_is_refused_at_once(
    xtts: XttsEngine, voices: list[bytes], facts: dict[str, str]
) -> None:
    assert refused_code(xtts, changed(voices[0], **facts)) == "artifact_outdated"


def test_after_bad_voices_the_good_one_speaks(xtts: XttsEngine, voices: list[bytes]) -> None:
    assert refused_code(xtts, b"damaged")
    good = SpeechRequest("Hello.", "en", "xtts_v2", artifact=changed(voices[0]))
    assert join(xtts.synthesize(good)).seconds > 0.1


def test_of_a_published_model_a_clone_says_how_like_its_samples_it_sounds(
    xtts: XttsEngine,
) -> None:
    folder = xtts._settings.folder
    table = dict(zip(FILES, hashes_of(folder), strict=True))
    known = XttsEngine(replace(xtts._settings, published=table, slots=1))
    told: list[float] = []
    made = known.clone([sample()], told.append)
    request = SpeechRequest(PROOF, "en", "xtts_v2", artifact=made.data)
    said = join(known.synthesize(request))
    speaker = unpack(made.data, made.digest, 64)
    known.close()
    assert made.likeness is not None
    assert made.likeness == pytest.approx(likeness_of(stock_of(xtts), speaker, said), abs=1e-4)
    assert 0.0 <= made.likeness <= 1.0
    assert len(told) > 2


def test_where_one_file_is_not_the_published_one_likeness_is_not_measured(
    xtts: XttsEngine,
) -> None:
    table = dict(zip(FILES, hashes_of(xtts._settings.folder), strict=True))
    other = XttsEngine(replace(xtts._settings, published={**table, "vocab.json": "0" * 64}))
    assert other.clone([sample()], lambda _: None).likeness is None
    other.close()


def test_likeness_is_whole_for_the_sample_itself_and_never_below_nothing(xtts: XttsEngine) -> None:
    one = sample()
    speaker = speaker_of(xtts, one)
    assert likeness_of(stock_of(xtts), speaker, one) == pytest.approx(1.0, abs=0.01)
    opposite = Speaker(speaker.latents, -speaker.embedding)
    assert likeness_of(stock_of(xtts), opposite, one) == 0.0


def test_the_table_names_each_file_of_a_model() -> None:
    assert set(FILES) < set(published())
    assert all(len(bytes.fromhex(sha256)) == 32 for sha256 in published().values())
