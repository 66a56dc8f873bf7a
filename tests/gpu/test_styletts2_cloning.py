"""StyleTTS2 clones: it hears samples as its package does, and refuses what is no voice."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch
from safetensors.torch import load, save

from gpu_worker.engines.styletts2.voice import unpack
from synthesis_worker.contract import SpeechError, SpeechRequest, Waveform
from tests.gpu.styletts2_models import (
    CLONING,
    QUICK,
    small_engine,
    small_model,
    small_voice,
    speech,
)
from tests.gpu.styletts2_oracle import stock_style

if TYPE_CHECKING:
    from collections.abc import Sequence


def style(*samples: Waveform) -> torch.Tensor:
    engine = small_engine(QUICK)
    artifact = engine.clone(samples, lambda _: None)
    return unpack(artifact.data, artifact.digest)


def padded(sample: Waveform, seconds: float) -> Waveform:
    silence = np.zeros(round(seconds * sample.sample_rate), np.float32)
    return Waveform(np.concatenate([silence, sample.samples, silence]), sample.sample_rate)


def cut(sample: Waveform, seconds: float) -> Waveform:
    return Waveform(sample.samples[: round(seconds * sample.sample_rate)], sample.sample_rate)


def speak_with(artifact: bytes) -> None:
    request = SpeechRequest("Hello.", "en", "styletts2", artifact=artifact)
    list(small_engine(QUICK).synthesize(request))


@pytest.mark.parametrize("decoder", [QUICK, CLONING])
def test_it_hears_a_sample_as_the_package_does(decoder: str) -> None:
    sample = padded(speech(5.3, pitch=90), 0.7)
    artifact = small_engine(decoder).clone([sample], lambda _: None)
    heard = stock_style(small_model(decoder).stock, sample)
    assert heard.abs().max() > 0.01
    assert torch.equal(unpack(artifact.data, artifact.digest), heard)


def test_several_samples_are_their_mean() -> None:
    one, other = speech(pitch=150), speech(pitch=220)
    assert not torch.equal(style(one), style(other))
    assert torch.allclose(style(one, other), (style(one) + style(other)) / 2, atol=1e-7)


def test_a_sample_of_another_rate_is_the_same_voice() -> None:
    same = style(speech(rate=48_000)) - style(speech(rate=24_000))
    other = style(speech(pitch=220)) - style(speech())
    assert 0 < same.abs().max() < 0.1 * other.abs().max()


def test_the_artifact_says_what_it_was_made_of() -> None:
    samples = [speech(pitch=150), speech(pitch=220)]
    made = small_engine(QUICK).clone(samples, lambda _: None)
    size = int.from_bytes(made.data[:8], "little")
    facts = json.loads(json.loads(made.data[8 : 8 + size])["__metadata__"]["voicemill"])
    assert (made.engine, facts["engine"]) == ("styletts2", "styletts2")
    assert made.digest == facts["model"] == small_engine(QUICK).capabilities.models[0].digest
    assert facts["samples"] == [
        hashlib.sha256(one.samples.tobytes()).hexdigest() for one in samples
    ]
    assert small_engine(QUICK).clone(samples, lambda _: None).data == made.data


def test_it_tells_how_far_it_is_and_ends_where_it_is_told() -> None:
    told: list[float] = []
    small_engine(QUICK).clone([speech(pitch=150), speech(pitch=220)], told.append)
    assert told == [0.0, 0.5]

    def stop(_: float) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        small_engine(QUICK).clone([speech()], stop)


SILENCE = Waveform(np.zeros(96_000, np.float32), 24_000)
BROKEN = Waveform(np.full(96_000, np.nan, np.float32), 24_000)


@pytest.mark.parametrize(
    ("samples", "code"),
    [
        ([], "sample_missing"),
        ([cut(speech(), 2.5)], "sample_too_short"),
        ([padded(cut(speech(), 2.5), 2.0)], "sample_too_short"),
        ([speech(), cut(speech(), 0.6)], "sample_too_short"),
        ([speech(16), speech(15)], "sample_too_long"),
        ([SILENCE], "sample_silent"),
        ([speech(), SILENCE], "sample_silent"),
        ([Waveform(speech().samples * 1e-4, 24_000)], "sample_silent"),
        ([Waveform(np.zeros(0, np.float32), 24_000)], "sample_silent"),
        ([BROKEN], "sample_damaged"),
    ],
)
def test_samples_that_give_no_voice_are_refused(samples: Sequence[Waveform], code: str) -> None:
    with pytest.raises(SpeechError) as refused:
        small_engine(QUICK).clone(samples, lambda _: None)
    assert (refused.value.code, refused.value.permanent) == (code, True)


def changed(**facts: Any) -> bytes:
    """The voice, as another engine or model would have written it."""
    size = int.from_bytes(small_voice(QUICK)[:8], "little")
    header = json.loads(small_voice(QUICK)[8 : 8 + size])["__metadata__"]
    told = json.loads(header["voicemill"]) | facts
    return save(load(small_voice(QUICK)), metadata={"voicemill": json.dumps(told)})


def unlike(tensor: torch.Tensor) -> bytes:
    size = int.from_bytes(small_voice(QUICK)[:8], "little")
    return save({"style": tensor}, json.loads(small_voice(QUICK)[8 : 8 + size])["__metadata__"])


@pytest.mark.parametrize(
    ("make", "code"),
    [
        (lambda: b"", "artifact_damaged"),
        (lambda: b"nothing of the kind", "artifact_damaged"),
        (lambda: small_voice(QUICK)[:-1], "artifact_damaged"),
        (lambda: small_voice(QUICK)[:40], "artifact_damaged"),
        (lambda: b"\x80\x04cos\nsystem\n(S'false'\ntR.", "artifact_damaged"),
        (lambda: save({"style": torch.zeros(1, 256)}), "artifact_damaged"),
        (lambda: save({"other": torch.zeros(1, 256)}, {"voicemill": "{}"}), "artifact_damaged"),
        (lambda: save(load(small_voice(QUICK)), {"voicemill": "[]"}), "artifact_damaged"),
        (lambda: save(load(small_voice(QUICK)), {"voicemill": "{}"}), "artifact_damaged"),
        (lambda: unlike(torch.zeros(1, 128)), "artifact_damaged"),
        (lambda: unlike(torch.full((1, 256), torch.nan)), "artifact_damaged"),
        (lambda: unlike(torch.zeros(1, 256, dtype=torch.float64)), "artifact_damaged"),
        (lambda: changed(model="0" * 64), "artifact_outdated"),
        (lambda: changed(engine="xtts"), "artifact_outdated"),
    ],
)
def test_a_voice_that_is_not_this_models_is_refused_at_once(make: Any, code: str) -> None:
    request = SpeechRequest("Hello.", "en", "styletts2", artifact=make())
    with pytest.raises(SpeechError) as refused:
        small_engine(QUICK).synthesize(request)
    assert (refused.value.code, refused.value.permanent) == (code, True)


def test_after_bad_voices_the_good_one_speaks() -> None:
    with pytest.raises(SpeechError):
        speak_with(b"damaged")
    speak_with(changed())
