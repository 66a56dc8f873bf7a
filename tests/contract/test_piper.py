"""Piper's own promises: verified voices, dials, a first clause early, and few voices in memory."""

import hashlib
import json
import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import pytest
from piper import PiperVoice

from synthesis_worker.audio import join
from synthesis_worker.contract import (
    ModelDamaged,
    ModelMissing,
    SpeechError,
    SpeechRequest,
    Unsupported,
    Waveform,
)
from synthesis_worker.engines.piper import PiperEngine
from tests.nano_voice import write_nano_voice

QUIET = {"noise": 0.0, "noise_w": 0.0}
LONG = (
    "When the rain had stopped at last, the children ran out to play, and the dog went with them."
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("voices")
    write_nano_voice(folder)
    write_nano_voice(folder, "many", speakers=3, sample_rate=22050)
    write_nano_voice(folder, "german", language="de")
    return folder


@pytest.fixture(scope="module")
def engine(folder: Path) -> PiperEngine:
    return PiperEngine(folder)


def speak(
    engine: PiperEngine,
    text: str,
    model: str = "nano",
    speaker: int | None = None,
    **dials: float,
) -> Waveform:
    request = SpeechRequest(text, "", model, speaker, {**QUIET, **dials})
    return join(engine.synthesize(request))


def sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def test_voices_are_listed_with_what_a_binding_needs(engine: PiperEngine, folder: Path) -> None:
    german, many, _nano = engine.capabilities.models
    assert (german.id, german.language, german.sample_rate) == ("german", "de", 16000)
    assert (many.id, many.language, many.speakers) == ("many", "en-US", 3)
    assert many.digest == sha256(folder / "many.onnx")
    assert engine.capabilities.languages == ("de", "en-US")


def test_noise_at_zero_repeats_and_noise_does_not(engine: PiperEngine) -> None:
    silent = [speak(engine, "Hello there.").samples.tobytes() for _ in range(3)]
    noisy = [speak(engine, "Hello there.", noise=1.0).samples.tobytes() for _ in range(3)]
    assert len(set(silent)) == 1
    assert len(set(noisy)) == 3
    assert not engine.capabilities.seeds


def test_noise_w_shakes_the_duration(engine: PiperEngine) -> None:
    assert len({len(speak(engine, LONG, noise_w=2.0).samples) for _ in range(4)}) > 1


def test_a_voice_speaks_by_its_own_settings_where_nothing_is_asked(tmp_path: Path) -> None:
    settings = write_nano_voice(tmp_path).with_name("nano.onnx.json")
    known = json.loads(settings.read_text())
    known["inference"] = {"noise_scale": 0.0, "noise_w": 0.0, "length_scale": 2.0}
    settings.write_text(json.dumps(known))
    engine = PiperEngine(tmp_path)
    own = join(engine.synthesize(SpeechRequest("Hello.", "en", "nano")))
    assert own.samples.tobytes() == speak(engine, "Hello.", length=2.0).samples.tobytes()
    assert own.seconds == pytest.approx(2 * speak(engine, "Hello.", length=1.0).seconds, rel=0.01)


def test_length_and_speed_multiply(engine: PiperEngine) -> None:
    assert (
        speak(engine, "Hello.", length=2.0, speed=2.0).samples.tobytes()
        == speak(engine, "Hello.").samples.tobytes()
    )


def test_speakers_differ_and_the_first_is_the_default(engine: PiperEngine) -> None:
    sounds = [speak(engine, "Hello.", "many", number).samples.tobytes() for number in range(3)]
    assert len(set(sounds)) == 3
    assert speak(engine, "Hello.", "many").samples.tobytes() == sounds[0]


def test_a_long_first_sentence_is_heard_from_its_first_clause(engine: PiperEngine) -> None:
    request = SpeechRequest(f"{LONG} {LONG}", "en", "nano", dials=QUIET)
    first, second, third = engine.synthesize(request)
    assert first.seconds < second.seconds
    assert third.seconds > first.seconds + second.seconds - 0.5


def test_a_title_does_not_end_a_sentence(engine: PiperEngine) -> None:
    assert (
        speak(engine, "Dr. Smith is in.").samples.tobytes()
        == speak(engine, "Doctor Smith is in.").samples.tobytes()
    )


def test_slow_speech_comes_in_shorter_chunks(engine: PiperEngine) -> None:
    request = SpeechRequest(
        "word " * 80, "en", "nano", dials={**QUIET, "length": 4.0, "speed": 0.5}
    )
    assert max(chunk.seconds for chunk in engine.synthesize(request)) < 60


def test_a_voice_outside_the_folder_is_out_of_reach(tmp_path: Path) -> None:
    write_nano_voice(tmp_path, "outside")
    engine = PiperEngine(tmp_path / "models")
    (tmp_path / "models").mkdir()
    for model in ("../outside", str(tmp_path / "outside")):
        with pytest.raises(ModelMissing):
            speak(engine, "Hello.", model)


@pytest.mark.parametrize("content", ["0" * 64, "0" * 64 + "  nano.onnx\n"])
def test_a_network_that_is_not_what_was_published_is_refused(tmp_path: Path, content: str) -> None:
    write_nano_voice(tmp_path).with_name("nano.onnx.sha256").write_text(content)
    with pytest.raises(ModelDamaged, match="install the voice again"):
        speak(PiperEngine(tmp_path), "Hello.")


def test_a_network_changed_on_disk_is_noticed(tmp_path: Path) -> None:
    path = write_nano_voice(tmp_path)
    path.with_name("nano.onnx.sha256").write_text(f"{sha256(path).upper()}  nano.onnx\n")
    engine = PiperEngine(tmp_path)
    assert speak(engine, "Hello.").seconds > 0
    path.write_bytes(path.read_bytes() + b"\0")
    with pytest.raises(ModelDamaged):
        speak(engine, "Hello.")


@pytest.mark.parametrize("settings", [None, "", "{}", "[]", '{"audio": 1}', "\xff"])
def test_a_voice_without_its_settings_is_damaged_and_not_listed(
    tmp_path: Path, settings: str | None
) -> None:
    file = write_nano_voice(tmp_path).with_name("nano.onnx.json")
    file.unlink() if settings is None else file.write_text(settings, encoding="latin-1")
    engine = PiperEngine(tmp_path)
    with pytest.raises(ModelDamaged, match=r"nano\.onnx\.json"):
        speak(engine, "Hello.")
    assert engine.capabilities.models == ()


def test_a_file_that_is_no_network_is_damaged_and_tried_afresh(tmp_path: Path) -> None:
    path = write_nano_voice(tmp_path)
    whole = path.read_bytes()
    path.write_bytes(b"no network")
    engine = PiperEngine(tmp_path)
    with pytest.raises(ModelDamaged, match="no network"):
        speak(engine, "Hello.")
    path.write_bytes(whole)
    assert speak(engine, "Hello.").seconds > 0


def test_a_voice_that_needs_other_software_is_refused_and_not_listed(tmp_path: Path) -> None:
    file = write_nano_voice(tmp_path).with_name("nano.onnx.json")
    file.write_text(json.dumps({**json.loads(file.read_text()), "phoneme_type": "pinyin"}))
    engine = PiperEngine(tmp_path)
    with pytest.raises(Unsupported, match="not installed"):
        speak(engine, "Hello.")
    assert engine.capabilities.models == ()


def test_a_folder_that_is_not_there_holds_no_voices(tmp_path: Path) -> None:
    engine = PiperEngine(tmp_path / "nowhere")
    engine.load()
    assert engine.capabilities.models == ()
    with pytest.raises(ModelMissing):
        speak(engine, "Hello.")


@pytest.mark.parametrize("broken", [{"gain": float("nan")}, {"samples_per_id": 0}])
def test_no_sound_or_no_numbers_is_an_engine_error(tmp_path: Path, broken: dict[str, int]) -> None:
    write_nano_voice(tmp_path, **broken)  # type: ignore[arg-type]
    with pytest.raises(SpeechError) as failed:
        speak(PiperEngine(tmp_path), "Hello.")
    assert failed.value.code == "engine_failed"


def test_few_voices_stay_in_memory_and_none_is_lost_while_it_speaks(folder: Path) -> None:
    engine = PiperEngine(folder, keep=1)
    expected = {model: speak(engine, LONG, model) for model in ("nano", "many", "german")}
    kept = len(engine._voices)
    started = {
        model: engine.synthesize(SpeechRequest(LONG, "", model, dials=QUIET)) for model in expected
    }
    firsts = {model: next(chunks) for model, chunks in started.items()}
    in_use = len(engine._voices)
    sounds = {model: join([firsts[model], *started[model]]) for model in expected}
    assert (kept, in_use, len(engine._voices)) == (1, 3, 1)
    for model, sound in sounds.items():
        assert np.array_equal(sound.samples, expected[model].samples)


def test_many_threads_and_few_voices_mix_nothing_up(folder: Path) -> None:
    engine = PiperEngine(folder, keep=1)
    orders = [
        (f"Order number {number}.", model) for number in range(4) for model in ("nano", "many")
    ]
    alone = [speak(engine, *order).samples.tobytes() for order in orders]
    with ThreadPoolExecutor(8) as pool:
        together = pool.map(lambda order: speak(engine, *order).samples.tobytes(), orders * 4)
        assert list(together) == alone * 4


def test_a_touched_file_is_hashed_again_and_found_the_same(
    engine: PiperEngine, folder: Path
) -> None:
    before = engine.capabilities.models
    os.utime(folder / "nano.onnx")
    assert engine.capabilities.models == before


def test_a_sentence_spoken_before_is_not_read_again(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[str] = []
    phonemize = PiperVoice.phonemize

    def noted(voice: PiperVoice, text: str) -> list[list[str]]:
        read.append(text)
        return phonemize(voice, text)

    monkeypatch.setattr(PiperVoice, "phonemize", noted)
    engine = PiperEngine(folder)
    first, second = (speak(engine, "Twice the same. Once another.") for _ in range(2))
    speak(engine, "Twice the same. Now a third.")
    assert read == ["Twice the same.", "Once another.", "Now a third."]
    assert np.array_equal(first.samples, second.samples)


def test_a_voice_works_on_one_thread(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[onnxruntime.InferenceSession] = []
    session = onnxruntime.InferenceSession

    def noted(*arguments: Any, **options: Any) -> onnxruntime.InferenceSession:
        opened.append(session(*arguments, **options))
        return opened[-1]

    monkeypatch.setattr(onnxruntime, "InferenceSession", noted)
    speak(PiperEngine(folder), "Hello.")
    (options,) = (one.get_session_options() for one in opened)
    assert (options.intra_op_num_threads, options.inter_op_num_threads) == (1, 1)
