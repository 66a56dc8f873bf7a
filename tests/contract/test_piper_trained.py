"""Piper speaks what was trained elsewhere: one file, checked like an installed voice, let go."""

from __future__ import annotations

import gc
import json
import math
import subprocess
import sys
import time
import weakref
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import numpy as np
import onnx
import onnxruntime
import pytest

from synthesis_worker.audio import join
from synthesis_worker.contract import ModelDamaged, SpeechError, SpeechRequest, Unsupported
from synthesis_worker.engines.piper import PiperEngine
from tests.nano_voice import trained_nano_voice, write_nano_voice

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from synthesis_worker.contract import Waveform

QUIET = {"noise": 0.0, "noise_w": 0.0}
TEXT = "One sentence. And another one."


@pytest.fixture
def engine(tmp_path: Path) -> PiperEngine:
    return PiperEngine(tmp_path)


@pytest.fixture
def uncollected() -> Iterator[None]:
    """Memory comes back because nobody points at it, not because somebody went to look."""
    gc.collect()
    gc.disable()
    yield
    gc.enable()


def asked(artifact: bytes | None, text: str = TEXT, **changes: Any) -> SpeechRequest:
    fields = {"language": "en-GB", "model": "trained", "dials": QUIET, **changes}
    return SpeechRequest(text=text, artifact=artifact, **fields)


def speak(engine: PiperEngine, artifact: bytes, text: str = TEXT, **changes: Any) -> Waveform:
    return join(engine.synthesize(asked(artifact, text, **changes)))


def refusal(engine: PiperEngine, artifact: bytes, **changes: Any) -> SpeechError:
    """Before the first chunk is asked for."""
    with pytest.raises(SpeechError) as refused:
        engine.synthesize(asked(artifact, **changes))
    assert refused.value.permanent
    return refused.value


def opened(monkeypatch: pytest.MonkeyPatch) -> list[weakref.ref[Any]]:
    """Every network that is opened from now on."""
    sessions: list[weakref.ref[Any]] = []
    session = onnxruntime.InferenceSession

    def noted(*arguments: Any, **options: Any) -> onnxruntime.InferenceSession:
        made = session(*arguments, **options)
        sessions.append(weakref.ref(made))
        return made

    monkeypatch.setattr(onnxruntime, "InferenceSession", noted)
    return sessions


def eventually(fact: Callable[[], bool], seconds: float = 20.0) -> None:
    until = time.monotonic() + seconds
    while not fact():
        assert time.monotonic() < until
        time.sleep(0.01)


@pytest.mark.parametrize("rate", [16000, 22050])
def test_a_trained_voice_sounds_as_the_same_voice_installed(tmp_path: Path, rate: int) -> None:
    write_nano_voice(tmp_path, sample_rate=rate)
    engine = PiperEngine(tmp_path)
    installed = join(engine.synthesize(asked(None, model="nano")))
    trained = speak(engine, trained_nano_voice(sample_rate=rate))
    assert trained.sample_rate == rate
    assert np.array_equal(trained.samples, installed.samples)


def test_a_worker_without_a_voice_installed_speaks_what_was_trained(tmp_path: Path) -> None:
    engine = PiperEngine(tmp_path / "nowhere")
    assert engine.capabilities.trained
    assert not engine.capabilities.clones
    assert speak(engine, trained_nano_voice()).seconds > 0.5


def test_its_settings_dials_and_speakers_are_its_own(engine: PiperEngine) -> None:
    slow = trained_nano_voice(
        {"inference": {"noise_scale": 0.0, "noise_w": 0.0, "length_scale": 2.0}}
    )
    many = trained_nano_voice(speakers=3)
    alone = speak(engine, slow, dials={}).seconds
    assert alone == pytest.approx(2 * speak(engine, slow, dials={"length": 1.0}).seconds, rel=0.01)
    assert len({speak(engine, many, speaker=one).samples.tobytes() for one in range(3)}) == 3


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"language": "de-DE"}, "unsupported"),
        ({"speaker": 1}, "unknown_speaker"),
        ({"speaker": -1}, "unknown_speaker"),
        ({"dials": {"warmth": 1.0}}, "unsupported"),
        ({"dials": {"speed": 4.01}}, "dial_out_of_range"),
        ({"text": ""}, "nothing_to_say"),
        ({"text": "a" * 100_001}, "text_too_long"),
    ],
)
def test_what_it_cannot_express_is_refused_at_once(
    engine: PiperEngine, changes: dict[str, Any], code: str
) -> None:
    assert refusal(engine, trained_nano_voice(), **changes).code == code


def test_the_language_of_the_settings_goes_before_espeaks_name_for_it(engine: PiperEngine) -> None:
    mandarin = trained_nano_voice({"language": {"code": "zh_CN"}}, language="cmn")
    assert engine.synthesize(asked(mandarin, language="zh-TW"))
    assert "zh-CN" in refusal(engine, mandarin, language="en").message


DAMAGED: dict[str, Callable[[], bytes]] = {
    "nothing": lambda: b"",
    "no network": lambda: b"\x80\x04cos\nsystem\n(S'false'\ntR.",
    "the first half": lambda: trained_nano_voice()[: len(trained_nano_voice()) // 2],
    "without its end": lambda: trained_nano_voice()[:-1],
    "zeros": lambda: bytes(4096),
    "settings that are no JSON": lambda: trained_nano_voice("{"),
    "settings that are a list": lambda: trained_nano_voice("[]"),
    "empty settings": lambda: trained_nano_voice("{}"),
}
INSANE: list[dict[str, object]] = [
    {"audio": {"sample_rate": 10**9}},
    {"audio": {"sample_rate": "22050"}},
    {"audio": 1},
    {"num_speakers": 0},
    {"num_speakers": "two"},
    {"num_symbols": -1},
    {"phoneme_id_map": {}},
    {"phoneme_id_map": None},
    {"espeak": {"voice": 7}},
    {"espeak": {}},
    {"language": "en"},
    {"inference": {"noise_scale": math.nan}},
    {"inference": {"length_scale": "long"}},
]


@pytest.mark.parametrize("how", DAMAGED)
def test_a_damaged_file_is_refused_by_its_code(engine: PiperEngine, how: str) -> None:
    refused = refusal(engine, DAMAGED[how]())
    assert isinstance(refused, ModelDamaged)
    assert refused.code == "artifact_damaged"
    assert "train it again" in refused.message


@pytest.mark.parametrize("settings", INSANE, ids=json.dumps)
def test_settings_that_are_none_are_damage(
    engine: PiperEngine, settings: dict[str, object]
) -> None:
    assert refusal(engine, trained_nano_voice(settings)).code == "artifact_damaged"


def other_network() -> bytes:
    model = onnx.load_from_string(trained_nano_voice())
    model.graph.input[0].name = "mel"
    model.graph.node.append(onnx.helper.make_node("Identity", ["mel"], ["input"]))
    model.graph.node.insert(0, model.graph.node.pop())
    data: bytes = model.SerializeToString()
    return data


def without_settings() -> bytes:
    model = onnx.load_from_string(trained_nano_voice())
    del model.metadata_props[:]
    data: bytes = model.SerializeToString()
    return data


UNFIT: dict[str, Callable[[], bytes]] = {
    "no settings": without_settings,
    "another network": other_network,
    "settings of many speakers, a network of one": lambda: trained_nano_voice({"num_speakers": 3}),
    "settings of one speaker, a network of many": lambda: trained_nano_voice(
        {"num_speakers": 1}, speakers=3
    ),
    "phonemes of other software": lambda: trained_nano_voice({"phoneme_type": "pinyin"}),
}


@pytest.mark.parametrize("how", UNFIT)
def test_a_file_that_is_no_voice_of_piper_is_unfit(engine: PiperEngine, how: str) -> None:
    refused = refusal(engine, UNFIT[how]())
    assert isinstance(refused, Unsupported)
    assert refused.code == "artifact_unfit"


def test_a_bad_file_leaves_the_engine_well_and_nothing_in_memory(engine: PiperEngine) -> None:
    good = trained_nano_voice()
    before = speak(engine, good).samples
    for bad in (b"", without_settings(), other_network()):
        refusal(engine, bad)
    assert len(engine._voices) == 1
    assert np.array_equal(speak(engine, good).samples, before)


def test_a_voice_without_sound_is_an_engine_error(engine: PiperEngine) -> None:
    with pytest.raises(SpeechError) as failed:
        speak(engine, trained_nano_voice(gain=math.nan))
    assert failed.value.code == "engine_failed"


def test_a_voice_is_loaded_once_however_often_it_speaks(
    engine: PiperEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    sessions, artifact = opened(monkeypatch), trained_nano_voice()
    alone = speak(engine, artifact).samples.tobytes()
    copy = bytes(bytearray(artifact))
    with ThreadPoolExecutor(4) as pool:
        heard = pool.map(lambda one: speak(engine, one).samples.tobytes(), [artifact, copy] * 4)
        assert list(heard) == [alone] * 8
    [kept] = [session() for session in sessions]
    assert kept is not None
    options = kept.get_session_options()
    assert (options.intra_op_num_threads, options.inter_op_num_threads) == (1, 1)


@pytest.mark.usefixtures("uncollected")
def test_a_trained_voice_leaves_memory_soon_after_its_last_use(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_nano_voice(tmp_path)
    sessions = opened(monkeypatch)
    engine = PiperEngine(tmp_path, trained_seconds=0.2)
    join(engine.synthesize(asked(None, model="nano")))
    speak(engine, trained_nano_voice())
    installed, trained = sessions[0], sessions[-1]
    eventually(lambda: trained() is None)
    assert installed() is not None
    assert len(engine._voices) == 1


@pytest.mark.usefixtures("uncollected")
def test_it_stays_while_it_speaks_and_goes_thereafter(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sessions = opened(monkeypatch)
    engine = PiperEngine(tmp_path, trained_seconds=0.05)
    speech = engine.synthesize(asked(trained_nano_voice()))
    next(speech)
    speaking = sessions[-1]
    speak(engine, trained_nano_voice(sample_rate=22050))
    eventually(lambda: sessions[-1]() is None)
    assert speaking() is not None
    assert next(speech).seconds > 0
    speech.close()
    eventually(lambda: speaking() is None)
    assert len(engine._voices) == 0


def test_trained_and_installed_voices_share_the_room_there_is(tmp_path: Path) -> None:
    write_nano_voice(tmp_path)
    engine = PiperEngine(tmp_path, keep=2)
    for rate in (16000, 22050, 24000):
        speak(engine, trained_nano_voice(sample_rate=rate))
        join(engine.synthesize(asked(None, model="nano")))
        assert len(engine._voices) <= 2


def test_a_worker_reads_the_settings_without_the_package_that_writes_networks() -> None:
    script = (
        "import sys, pathlib\n"
        "from synthesis_worker.contract import SpeechRequest\n"
        "from synthesis_worker.engines.piper import PiperEngine\n"
        "asked = SpeechRequest('Hello.', 'en', 'trained', artifact=sys.stdin.buffer.read())\n"
        "assert list(PiperEngine(pathlib.Path()).synthesize(asked))\n"
        "print({'onnx', 'torch', 'django', 'celery'} & set(sys.modules))"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], input=trained_nano_voice(), capture_output=True, check=True
    )
    assert done.stdout.strip() == b"set()"
