"""espeak's own promises: languages, variants, dials, and sentences that forget each other."""

import os
import random
from pathlib import Path

import numpy as np
import pytest

from synthesis_worker.audio import join
from synthesis_worker.contract import ModelMissing, SpeechRequest, Unsupported, Waveform
from synthesis_worker.engines.espeak import EspeakEngine
from synthesis_worker.engines.espeak_library import EspeakLibrary, espeak_library
from synthesis_worker.engines.piper import PiperEngine
from tests.nano_voice import write_nano_voice

ENGINE = EspeakEngine()
SCRIPTS = {
    "en-us": "The weather is fine today, is it not?",
    "de": "Guten Tag, wie geht es Ihnen?",
    "ru": "Привет, как дела?",
    "ja": "こんにちは。",
    "cmn": "你好世界。",
    "ar": "مرحبا بالعالم",
    "hi": "नमस्ते दुनिया।",
    "en-us+whisper": "This is a secret.",
}


def speak(text: str, model: str = "en-us", language: str = "", **dials: float) -> Waveform:
    return join(ENGINE.synthesize(SpeechRequest(text, language, model, dials=dials)))


def fundamental(sound: Waveform) -> float:
    """The pitch in Hz: how soon the middle of the sound looks like itself again."""
    middle = sound.samples[len(sound.samples) // 3 :][:4096]
    likeness = np.correlate(middle, middle, "full")[len(middle) - 1 :]
    apart = int(np.argmax(likeness < 0))
    return sound.sample_rate / (apart + int(np.argmax(likeness[apart:])))


def test_it_speaks_more_than_a_hundred_languages() -> None:
    assert len({tag.partition("-")[0] for tag in ENGINE.capabilities.languages}) > 100
    assert {"en-US", "pt-BR", "zh", "ar", "hi", "vi"} <= set(ENGINE.capabilities.languages)


def test_every_voice_speaks_and_complains_of_nothing(capfd: pytest.CaptureFixture[str]) -> None:
    for model in ENGINE.capabilities.models:
        assert speak("a e i o 1 2 3", model.id).seconds > 0.3, model.id
    assert capfd.readouterr().err == ""


def test_every_variant_speaks_and_complains_of_nothing(capfd: pytest.CaptureFixture[str]) -> None:
    for variant in ENGINE.capabilities.variants:
        assert speak("Hello.", f"en-us+{variant}").seconds > 0.1, variant
    assert capfd.readouterr().err == ""


def test_variants_sound_different() -> None:
    sounds = [speak("Hello.", model).samples.tobytes() for model in ("de", "de+f3", "de+m2")]
    assert len(set(sounds)) == 3


def test_a_sentence_does_not_hear_what_was_said_before_it() -> None:
    alone = {model: speak(text, model).samples.tobytes() for model, text in SCRIPTS.items()}
    chance = random.Random(7)
    for _ in range(60):
        model = chance.choice(list(SCRIPTS))
        speak("Noise before, faster and higher.", "en-us+f4", speed=2.5, pitch=7)
        assert speak(SCRIPTS[model], model).samples.tobytes() == alone[model]


def test_piper_using_the_same_library_changes_nothing(tmp_path: Path) -> None:
    write_nano_voice(tmp_path)
    before = speak(SCRIPTS["ru"], "ru").samples.tobytes()
    list(PiperEngine(tmp_path).synthesize(SpeechRequest("Hello there.", "en", "nano")))
    assert speak(SCRIPTS["ru"], "ru").samples.tobytes() == before


@pytest.mark.parametrize(
    ("language", "same_as"),
    [("de-AT", "de"), ("pt-br", "pt-br"), ("zh-Hans-CN", "cmn"), ("es_MX", "es-419"), ("NO", "nb")],
)
def test_the_language_picks_the_voice_and_a_region_falls_back(language: str, same_as: str) -> None:
    picked = speak("1 2 3 a b c", "", language).samples.tobytes()
    assert picked == speak("1 2 3 a b c", same_as).samples.tobytes()


def test_a_variant_alone_takes_its_voice_from_the_language() -> None:
    assert (
        speak("Hallo.", "+f3", "de-CH").samples.tobytes()
        == speak("Hallo.", "de+f3").samples.tobytes()
    )


def test_a_language_nobody_speaks_is_refused() -> None:
    with pytest.raises(Unsupported, match="does not speak 'tlh'"):
        speak("nuqneH", "", "tlh")


@pytest.mark.parametrize("variant", ["klatt", "../en", "f3+f4", ""])
def test_a_variant_that_does_not_exist_is_refused(variant: str) -> None:
    with pytest.raises(ModelMissing, match="no variant"):
        speak("Hello.", f"en-us+{variant}")


def test_twelve_steps_of_pitch_are_nearly_an_octave() -> None:
    low, middle, high, highest = (
        fundamental(speak("aaaaaah", pitch=pitch)) for pitch in (-6, 0, 6, 12)
    )
    assert low < middle < high < highest
    assert 1.6 < highest / middle < 2.1


def test_markup_is_text_and_commands_nothing() -> None:
    plain = speak("break time five hello").seconds
    assert plain < speak("<break time='9s'/> hello").seconds < plain + 4
    assert (
        speak("\x0120s hello there").samples.tobytes()
        == speak(" 20s hello there").samples.tobytes()
    )


def test_sentences_have_a_pause_between_them_and_none_behind() -> None:
    chunks = list(ENGINE.synthesize(SpeechRequest("Hello. Hello.", "en", "en-us")))
    assert 0.2 < chunks[0].seconds - chunks[1].seconds < 0.5


def test_many_sentences_leave_no_memory_and_no_files_behind() -> None:
    speak("Hello. " * 50)
    before, files = resident_megabytes(), open_files()
    for _ in range(10):
        speak("Hello. " * 50)
    assert resident_megabytes() - before < 8
    assert open_files() <= files


def test_a_wheel_without_its_data_is_a_missing_model(tmp_path: Path) -> None:
    broken = tmp_path / "piper"
    broken.mkdir()
    (broken / "espeakbridge.so").write_bytes(espeak_library().binary.read_bytes())
    with pytest.raises(ModelMissing, match="does not start"):
        EspeakLibrary(broken, copies=1).voices()


def open_files() -> int:
    return sum(1 for _ in Path("/proc/self/fd").iterdir())


def resident_megabytes() -> float:
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20
