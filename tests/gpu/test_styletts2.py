"""StyleTTS2 speaks as its package does, and leaves no trace in the process it speaks in."""

from __future__ import annotations

import random
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch

from gpu_worker.engines.styletts2 import wording
from gpu_worker.engines.styletts2.engine import DIALS, StyleTts2Engine
from gpu_worker.engines.styletts2.lexicon import words_of
from gpu_worker.engines.styletts2.speaking import Speaking, Spoken
from gpu_worker.engines.styletts2.voice import unpack
from gpu_worker.engines.styletts2.wording import read
from synthesis_worker.audio import join
from synthesis_worker.contract import EngineBusy, SpeechError, SpeechRequest, Unsupported
from tests.gpu.styletts2_models import (
    CLONING,
    QUICK,
    small_engine,
    small_model,
    small_voice,
    speech,
)
from tests.gpu.styletts2_oracle import stock_speech

if TYPE_CHECKING:
    from collections.abc import Mapping

    from synthesis_worker.contract import AudioChunk

DEFAULTS = {name: dial.default for name, dial in DIALS.items()}
TEXT = "Hello there, friend. How are you?"
BOLD = {
    "alpha": 0.6,
    "beta": 0.2,
    "diffusion_steps": 3.0,
    "embedding_scale": 2.0,
    "carry_over": 0.4,
}


def asked(text: str = TEXT, **changes: Any) -> SpeechRequest:
    fields = {"language": "en", "model": "styletts2", "artifact": small_voice(QUICK), **changes}
    return SpeechRequest(text=text, **fields)


def spoken(text: str = TEXT, **changes: Any) -> list[AudioChunk]:
    return list(small_engine(QUICK).synthesize(asked(text, **changes)))


def sound(text: str = TEXT, **changes: Any) -> bytes:
    return join(spoken(text, **changes)).samples.tobytes()


@pytest.mark.parametrize("decoder", [QUICK, CLONING])
@pytest.mark.parametrize("dials", [{}, BOLD], ids=["default", "bold"])
def test_it_speaks_as_the_package_does(decoder: str, dials: Mapping[str, float]) -> None:
    voice, engine = small_voice(decoder), small_engine(decoder)
    request = asked(artifact=voice, dials=dials, seed=7)
    ours = [chunk.samples for chunk in engine.synthesize(request)]
    style = unpack(voice, engine.capabilities.models[0].digest)
    stock = small_model(decoder).stock
    theirs = stock_speech(stock, list(read(TEXT, "en")), style, DEFAULTS | dict(dials), seed=7)
    assert [len(one) for one in ours] == [len(one) for one in theirs]
    for one, other in zip(ours, theirs, strict=True):
        assert np.abs(one).max() > 0.01
        assert np.array_equal(one, other.clip(-1, 1))


def test_a_seed_repeats_itself_and_another_is_another_sound() -> None:
    assert sound(seed=5) == sound(seed=5)
    assert sound(seed=5) != sound(seed=6)


def states() -> tuple[object, ...]:
    """What a process has only once."""
    numbers = np.random.get_state(legacy=False)["state"]["key"].tolist()
    tensors = torch.get_rng_state().tolist()
    return tensors, numbers, random.getstate(), torch.get_num_threads(), torch.is_grad_enabled()


def test_the_chance_of_others_is_left_alone_and_nothing_is_printed(
    capfd: pytest.CaptureFixture[str],
) -> None:
    before = states()
    engine = StyleTts2Engine(small_model(QUICK).folder, accepted=True)
    engine.load()
    engine.clone([speech()], lambda _: None)
    list(engine.synthesize(asked("Bonjour 你好 ☃ friend.")))
    assert states() == before
    assert capfd.readouterr() == ("", "")


def test_threads_make_the_sound_of_one() -> None:
    texts = [f"This is text {number}. It has two parts." for number in ("one", "two")]
    alone = [sound(text, seed=index) for index, text in enumerate(texts)]
    with ThreadPoolExecutor(2) as pool:
        together = [pool.submit(sound, texts[index % 2], seed=index % 2) for index in range(6)]
        assert [one.result() for one in together] == alone * 3


def test_a_sentence_follows_the_style_of_the_one_before() -> None:
    carried, fresh = (spoken(dials={"carry_over": share})[1].samples for share in (1.0, 0.0))
    assert not np.array_equal(carried, fresh[: len(carried)])


def test_speed_shortens_and_lengthens() -> None:
    text = "The quick brown fox jumps over the lazy dog."
    slow, normal, fast = (
        join(spoken(text, dials={"speed": speed})).seconds for speed in (0.75, 1.0, 1.75)
    )
    assert slow > 1.2 * normal
    assert normal > 1.2 * fast


@pytest.mark.parametrize("name", DIALS)
def test_a_dial_may_be_turned_to_its_ends_and_no_further(name: str) -> None:
    low, high = DIALS[name].low, DIALS[name].high
    for value in (low, high):
        assert np.isfinite(join(spoken("One.", dials={name: value})).samples).all()
    for value in (low - 0.01, high + 0.01):
        with pytest.raises(Unsupported) as refused:
            small_engine(QUICK).synthesize(asked("One.", dials={name: value}))
        assert (refused.value.code, refused.value.permanent) == ("dial_out_of_range", True)


def test_it_stops_between_two_sentences(monkeypatch: pytest.MonkeyPatch) -> None:
    begun = []
    speak = Speaking.speak

    def counted(self: Speaking, *given: Any) -> Spoken:
        begun.append(given)
        return speak(self, *given)

    monkeypatch.setattr(Speaking, "speak", counted)
    chunks = small_engine(QUICK).synthesize(asked("One. Two. Three."))
    next(chunks)
    chunks.close()
    assert len(begun) == 1


def test_a_long_text_is_read_as_it_is_spoken(monkeypatch: pytest.MonkeyPatch) -> None:
    read_so_far = []

    def counted(sentence: str) -> list[Any]:
        read_so_far.append(sentence)
        return words_of(sentence)

    monkeypatch.setattr(wording, "words_of", counted)
    chunks = small_engine(QUICK).synthesize(asked("One. Two. Three. Four."))
    for sentence in ("One.", "Two.", "Three."):
        next(chunks)
        assert read_so_far[-1] == sentence
    chunks.close()
    assert len(read_so_far) == 3


def test_a_piece_of_as_many_sounds_as_the_model_reads_is_spoken() -> None:
    words = "a " * 260
    longest = max(read(words, "en"), key=len)
    assert len(longest) > 380
    assert spoken(words)[0].seconds > 10


@pytest.mark.parametrize("language", ["de", "fr-FR", "zh"])
def test_another_language_is_refused_at_once(language: str) -> None:
    with pytest.raises(Unsupported) as refused:
        small_engine(QUICK).synthesize(asked(language=language))
    assert refused.value.code == "language_unsupported"


def test_without_a_cloned_voice_it_does_not_speak() -> None:
    with pytest.raises(Unsupported) as refused:
        small_engine(QUICK).synthesize(asked(artifact=None))
    assert refused.value.code == "voice_missing"


def test_where_the_licence_was_not_accepted_nothing_is_offered() -> None:
    engine = StyleTts2Engine(small_model(QUICK).folder)
    assert engine.capabilities.models == ()
    assert not engine.capabilities.clones
    for ask in (engine.load, lambda: engine.synthesize(asked())):
        with pytest.raises(SpeechError) as refused:
            ask()
        assert (refused.value.code, refused.value.permanent) == ("licence_not_accepted", True)


def test_a_full_card_is_busy_and_speaks_again_when_it_is_not(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def full(*_: Any) -> Spoken:
        raise torch.OutOfMemoryError("CUDA out of memory")

    whole = sound("One.")
    with monkeypatch.context() as patched:
        patched.setattr(Speaking, "speak", full)
        with pytest.raises(EngineBusy) as refused:
            spoken("One.")
    assert (refused.value.code, refused.value.permanent) == ("no_memory", False)
    assert sound("One.") == whole


def test_sound_that_is_no_number_is_no_sound(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: Any) -> Spoken:
        return Spoken(np.full(900, np.nan, np.float32), torch.zeros(1, 256))

    monkeypatch.setattr(Speaking, "speak", broken)
    with pytest.raises(SpeechError, match="no number"):
        spoken("One.")


def test_it_needs_nothing_but_its_own_requirements() -> None:
    """What the package wants for training, and what would reach for a network, stays away."""
    script = (
        "import sys\n"
        "absent = 'torchaudio librosa nltk matplotlib TTS django celery cached_path langchain'\n"
        "sys.modules |= dict.fromkeys(absent.split())\n"
        "from pathlib import Path\n"
        "from gpu_worker.engines.styletts2.engine import StyleTts2Engine\n"
        "StyleTts2Engine(Path(sys.argv[1]), accepted=True).load()\n"
        "print('styletts2.tts' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, str(small_model(QUICK).folder)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.stdout.strip(), done.stderr) == ("False", "")
