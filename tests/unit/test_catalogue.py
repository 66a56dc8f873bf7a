"""The stock voices' data: complete, well formed, and speakable."""

from __future__ import annotations

import re
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

import pytest

from synthesis_worker.engines.espeak import EspeakEngine
from synthesis_worker.languages import canonical_tag, primary_language
from voices.catalogue import StockBinding, StockModel, StockVoice, stock_models, stock_voices
from voices.models import Voice

if TYPE_CHECKING:
    from synthesis_worker.contract import Capabilities

VOICES = pytest.mark.parametrize("voice", stock_voices(), ids=lambda voice: voice.slug)
PIPER_VOICES = pytest.mark.parametrize(
    ("voice", "model"), stock_models(), ids=[voice.slug for voice, _ in stock_models()]
)
ESPEAK_BINDINGS = [
    pytest.param(voice, binding, id=f"{voice.slug}-{binding.model}")
    for voice in stock_voices()
    for binding in voice.bindings
    if binding.engine == "espeak"
]


@pytest.fixture(scope="module")
def espeak() -> Capabilities:
    return EspeakEngine().capabilities


def test_the_default_voice_needs_no_files() -> None:
    ember = {voice.slug: voice for voice in stock_voices()}["ember"]
    assert ember.model is None
    assert [binding.engine for binding in ember.bindings] == ["espeak"]


def test_the_eight_piper_voices_are_there() -> None:
    assert {model.id for _, model in stock_models()} == {
        "en_US-ryan-medium",
        "en_US-amy-medium",
        "en_US-joe-medium",
        "en_US-kristin-medium",
        "en_GB-alan-medium",
        "en_GB-alba-medium",
        "es_ES-davefx-medium",
        "es_MX-ald-medium",
    }


def test_no_two_voices_share_a_slug_and_no_two_models_a_file() -> None:
    slugs = [voice.slug for voice in stock_voices()]
    paths = [file.path for _, model in stock_models() for file in model.files]
    assert len(slugs) == len(set(slugs))
    assert len(paths) == len(set(paths))


@VOICES
def test_a_voice_fits_its_columns(voice: StockVoice) -> None:
    Voice(
        slug=voice.slug,
        name=voice.name,
        language=voice.language,
        gender=voice.gender,
        description=voice.description,
        licence=voice.licence,
        commercial=voice.commercial,
    ).clean_fields(exclude=["tenant"])


@VOICES
def test_a_voice_says_who_speaks_and_on_which_terms(voice: StockVoice) -> None:
    assert voice.language == canonical_tag(voice.language)
    assert voice.gender in {"female", "male"}
    assert voice.description
    assert voice.licence


@VOICES
def test_a_voice_binds_an_engine_once_and_itself_before_any_stand_in(voice: StockVoice) -> None:
    engines = [binding.engine for binding in voice.bindings]
    stand_ins = [binding.substitute for binding in voice.bindings]
    assert len(engines) == len(set(engines))
    assert stand_ins == [False, *[True] * (len(stand_ins) - 1)]


@pytest.mark.parametrize(("voice", "binding"), ESPEAK_BINDINGS)
def test_espeak_has_the_model_and_speaks_the_language(
    voice: StockVoice, binding: StockBinding, espeak: Capabilities
) -> None:
    name, _, variant = binding.model.partition("+")
    assert name in {model.id for model in espeak.models}
    assert variant in espeak.variants
    assert primary_language(voice.language) in espeak.languages


@PIPER_VOICES
def test_a_piper_voice_speaks_with_its_own_model(voice: StockVoice, model: StockModel) -> None:
    own, stand_in = voice.bindings
    assert (own.engine, own.model) == ("piper", model.id)
    assert stand_in.engine == "espeak"
    assert voice.language == canonical_tag(model.id.partition("-")[0])


@PIPER_VOICES
def test_a_model_names_its_files_as_piper_does(voice: StockVoice, model: StockModel) -> None:
    assert (model.onnx.name, model.config.name) == (f"{model.id}.onnx", f"{model.id}.onnx.json")
    assert model.config.path == f"{model.onnx.path}.json"
    assert PurePosixPath(model.onnx.path).parts[2] == voice.slug


@PIPER_VOICES
def test_a_model_can_be_fetched_and_verified(voice: StockVoice, model: StockModel) -> None:
    assert model.address.startswith(f"{model.home}/")
    assert model.home.startswith("https://")
    assert model.sample_rate == 22050
    assert 60_000_000 < model.onnx.size < 70_000_000, voice.slug
    assert 4_000 < model.config.size < 6_000
    assert all(re.fullmatch(r"[0-9a-f]{64}", file.sha256) for file in model.files)


def test_no_two_files_have_the_same_digest() -> None:
    digests = [file.sha256 for _, model in stock_models() for file in model.files]
    assert len(digests) == len(set(digests))


@VOICES
def test_doubtful_terms_are_not_called_commercial(voice: StockVoice) -> None:
    doubtful = re.search(r"\bNC\b|-NC-|research|unclear|reserved", voice.licence)
    assert not (doubtful and voice.commercial)
