"""What every engine owes the platform, asked of each of them."""

import json
import subprocess
import sys
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from synthesis_worker.audio import join
from synthesis_worker.contract import (
    AudioChunk,
    ModelDamaged,
    ModelMissing,
    SpeechEngine,
    SpeechError,
    SpeechRequest,
    Unsupported,
)
from synthesis_worker.engines import build_engines
from tests.nano_voice import write_nano_voice

LONGEST_CHUNK = 120  # seconds: what a worker may make before it can be stopped


@dataclass(frozen=True)
class Case:
    """An engine, a model of it, and the dials that leave nothing to chance."""

    engine: SpeechEngine
    model: str
    exact: Mapping[str, float] = field(default_factory=dict)

    def request(self, text: str, **changes: object) -> SpeechRequest:
        fields = {"language": "en", "model": self.model, "dials": self.exact, **changes}
        return SpeechRequest(text=text, **fields)  # type: ignore[arg-type]

    def speak(self, text: str, **changes: object) -> list[AudioChunk]:
        return list(self.engine.synthesize(self.request(text, **changes)))

    def sound(self, text: str, **changes: object) -> bytes:
        return join(self.speak(text, **changes)).samples.tobytes()


def espeak_case(folder: Path) -> Case:
    return Case(build_engines(["espeak"], models_dir=folder)["espeak"], "en-us")


def piper_case(folder: Path) -> Case:
    write_nano_voice(folder)
    engine = build_engines(["piper"], models_dir=folder)["piper"]
    return Case(engine, "nano", {"noise": 0.0, "noise_w": 0.0})


@pytest.fixture(scope="module", params=[espeak_case, piper_case], ids=["espeak", "piper"])
def case(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Case:
    build: Callable[[Path], Case] = request.param
    made = build(tmp_path_factory.mktemp("models"))
    made.engine.load()
    return made


def test_chunks_are_finite_mono_floats_at_the_rate_of_the_model(case: Case) -> None:
    rates = {model.id: model.sample_rate for model in case.engine.capabilities.models}
    for chunk in case.speak("Hello there. How are you?"):
        assert chunk.samples.dtype == np.float32
        assert chunk.samples.ndim == 1
        assert np.isfinite(chunk.samples).all()
        assert np.abs(chunk.samples).max() <= 1.0
        assert chunk.sample_rate == rates[case.model]


def test_each_sentence_is_a_chunk_of_its_own(case: Case) -> None:
    assert len(case.speak("Hello there. How are you? Dr. Smith is well!")) == 3


def test_capabilities_survive_being_kept_as_json(case: Case) -> None:
    kept = json.loads(json.dumps(asdict(case.engine.capabilities)))
    model = next(one for one in kept["models"] if one["id"] == case.model)
    assert len(bytes.fromhex(model["digest"])) == 32
    assert model["language"] in kept["languages"]
    assert kept["engine"]
    assert kept["version"]


def test_the_same_request_is_the_same_sound(case: Case) -> None:
    assert case.sound("It is what it was.") == case.sound("It is what it was.")


def test_eight_threads_make_the_bytes_of_one(case: Case) -> None:
    texts = [f"This is text number {number}. It has two sentences." for number in range(8)]
    alone = [case.sound(text) for text in texts]
    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(case.sound, texts * 3)) == alone * 3


def test_requests_may_take_turns_chunk_by_chunk(case: Case) -> None:
    one = case.engine.synthesize(case.request("First of one. Second of one."))
    other = case.engine.synthesize(case.request("First of other. Second of other."))
    turns = list(zip(one, other, strict=True))
    assert join(turn[0] for turn in turns).samples.tobytes() == case.sound(
        "First of one. Second of one."
    )


def test_an_engine_that_does_not_clone_speaks_as_nobody_else(case: Case) -> None:
    able = case.engine.capabilities
    if not (able.clones or able.trained):
        with pytest.raises(Unsupported):
            case.speak("Hello there.", artifact=b"somebody")


def test_an_engine_that_speaks_what_was_trained_refuses_at_once_what_was_not(case: Case) -> None:
    if case.engine.capabilities.trained:
        for nothing in (b"", b"somebody"):
            with pytest.raises(ModelDamaged) as refused:
                case.engine.synthesize(case.request("Hello there.", artifact=nothing))
            assert refused.value.code == "artifact_damaged"


def test_closing_early_leaves_the_engine_ready(case: Case) -> None:
    whole = case.sound("One sentence. Two sentences. Three sentences.")
    for _ in range(20):
        chunks = case.engine.synthesize(case.request("One sentence. Two sentences."))
        next(chunks)
        chunks.close()
        assert next(chunks, None) is None
    with ThreadPoolExecutor(1) as pool:
        again = pool.submit(case.sound, "One sentence. Two sentences. Three sentences.")
        assert again.result(timeout=30) == whole


def test_speed_shortens_and_lengthens(case: Case) -> None:
    text = "The quick brown fox jumps over the lazy dog and runs away into the forest."
    seconds = [
        join(case.speak(text, dials={**case.exact, "speed": speed})).seconds
        for speed in (0.25, 0.5, 1.0, 2.0, 4.0)
    ]
    for slower, faster in pairwise(seconds):
        assert 1.6 < slower / faster < 2.5


@pytest.mark.parametrize(
    "model", ["no-such-voice", "../nano", "en-us+no-such-variant", "\0", "a/b"]
)
def test_an_unknown_model_is_refused_at_once(case: Case, model: str) -> None:
    with pytest.raises(ModelMissing) as refused:
        case.engine.synthesize(case.request("Hello.", model=model))
    assert refused.value.permanent


def test_a_dial_that_the_engine_does_not_have_is_refused(case: Case) -> None:
    with pytest.raises(Unsupported, match="no dial 'style'"):
        case.engine.synthesize(case.request("Hello.", dials={"style": 0.5}))


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -1.0, 0.0, 4.01])
def test_a_dial_out_of_range_is_refused(case: Case, value: float) -> None:
    with pytest.raises(Unsupported) as refused:
        case.engine.synthesize(case.request("Hello.", dials={"speed": value}))
    assert refused.value.code == "dial_out_of_range"


@pytest.mark.parametrize("speaker", [-1, 1, 10**9])
def test_a_speaker_that_the_model_does_not_have_is_refused(case: Case, speaker: int) -> None:
    with pytest.raises(Unsupported) as refused:
        case.engine.synthesize(case.request("Hello.", speaker=speaker))
    assert refused.value.code == "unknown_speaker"


def test_a_model_of_another_language_is_refused(case: Case) -> None:
    with pytest.raises(Unsupported, match=r"does not speak|speaks"):
        case.engine.synthesize(case.request("Guten Tag.", language="de-DE"))


def test_a_region_nobody_knows_is_its_language(case: Case) -> None:
    assert case.sound("Hello.", language="en-ZZ") == case.sound("Hello.", language="en")


@pytest.mark.parametrize("text", ["", "  ", "\n\t", "...", "?!", "\0", "\x01\x02", "—", "\ud800"])
def test_a_text_without_words_is_nothing_to_say(case: Case, text: str) -> None:
    with pytest.raises(SpeechError) as refused:
        case.speak(text)
    assert refused.value.code == "nothing_to_say"
    assert refused.value.permanent


def test_control_characters_and_half_code_points_are_not_spoken(case: Case) -> None:
    assert case.sound("Hello\x00 \x1bthere\x85 \ud83d\ufffe friend.") == case.sound(
        "Hello  there   friend."
    )


@pytest.mark.parametrize("text", ["😀 Ok.", "👩‍👩‍👧 family", "é", "ﬁn", "你好", "a\u200bb"])
def test_unusual_characters_are_spoken_and_break_nothing(case: Case, text: str) -> None:
    before = case.sound("Hello.")
    assert case.speak(text)
    assert case.sound("Hello.") == before


def test_phonemes_between_brackets_are_read_as_text(case: Case) -> None:
    assert case.sound("Say [[h@l'oU]] now.") == case.sound("Say [ [h@l'oU] ] now.")


@pytest.mark.parametrize("text", ["word " * 1200, "a" * 3000, "日本語" * 500, "one, " * 900])
def test_an_endless_sentence_comes_in_pieces(case: Case, text: str) -> None:
    chunks = case.speak(text)
    assert len(chunks) > 3
    assert max(chunk.seconds for chunk in chunks) < LONGEST_CHUNK


def test_a_text_over_the_limit_is_refused(case: Case) -> None:
    text = "a" * (case.engine.capabilities.max_characters + 1)
    with pytest.raises(SpeechError) as refused:
        case.engine.synthesize(case.request(text))
    assert refused.value.code == "text_too_long"


class PluggedEngine:
    """Stands for an engine that another package brings."""


def test_an_engine_is_plugged_in_by_its_path(tmp_path: Path) -> None:
    entry = "mine=tests.contract.test_engines:PluggedEngine"
    engines = build_engines([entry, "espeak"], models_dir=tmp_path)
    assert list(engines) == ["mine", "espeak"]
    assert type(engines["mine"]).__name__ == "PluggedEngine"


@pytest.mark.parametrize("entry", ["nothing", "mine=tests.contract.test_engines"])
def test_a_wrong_engine_name_says_what_to_write(tmp_path: Path, entry: str) -> None:
    with pytest.raises(ValueError, match=r"name=package\.module:Class"):
        build_engines([entry], models_dir=tmp_path)


def test_espeak_alone_loads_neither_piper_nor_its_runtime() -> None:
    script = (
        "import sys, pathlib\n"
        "from synthesis_worker.engines import build_engines\n"
        "build_engines(['espeak'], models_dir=pathlib.Path())['espeak'].load()\n"
        "print({'piper', 'onnxruntime', 'django', 'celery'} & set(sys.modules))"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "set()"
