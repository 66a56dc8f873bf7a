"""What every engine owes the platform, asked of XTTS; and what XTTS promises beyond."""

from __future__ import annotations

import gc
import json
import threading
import tracemalloc
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch

from gpu_worker.engines.xtts.engine import Settings, XttsEngine
from gpu_worker.engines.xtts.saying import AHEAD, DIALS, sampling_of
from gpu_worker.engines.xtts.wording import LONGEST
from synthesis_worker.audio import join
from synthesis_worker.contract import EngineBusy, ModelMissing, SpeechError, SpeechRequest
from tests.contract.test_engines import (
    Case,
    test_a_dial_out_of_range_is_refused,  # noqa: F401
    test_a_dial_that_the_engine_does_not_have_is_refused,  # noqa: F401
    test_a_region_nobody_knows_is_its_language,  # noqa: F401
    test_a_speaker_that_the_model_does_not_have_is_refused,  # noqa: F401
    test_a_text_over_the_limit_is_refused,  # noqa: F401
    test_a_text_without_words_is_nothing_to_say,  # noqa: F401
    test_an_unknown_model_is_refused_at_once,  # noqa: F401
    test_chunks_are_finite_mono_floats_at_the_rate_of_the_model,  # noqa: F401
    test_control_characters_and_half_code_points_are_not_spoken,  # noqa: F401
    test_phonemes_between_brackets_are_read_as_text,  # noqa: F401
    test_the_same_request_is_the_same_sound,  # noqa: F401
    test_unusual_characters_are_spoken_and_break_nothing,  # noqa: F401
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from gpu_worker.batching.utterances import Sound

pytestmark = [pytest.mark.filterwarnings("ignore"), pytest.mark.timeout(300)]

SECONDS = 1.1  # the most that the small model says of a piece


@dataclass(frozen=True)
class ClonedCase(Case):
    """It speaks only as somebody it has cloned."""

    artifact: bytes = b""

    def request(self, text: str, **changes: object) -> SpeechRequest:
        return super().request(text, **{"artifact": self.artifact, **changes})


@pytest.fixture
def case(xtts: XttsEngine, voices: list[bytes]) -> Case:
    return ClonedCase(xtts, "xtts_v2", artifact=voices[0])


def said(case: Case, request: SpeechRequest) -> Sound:
    return join(case.engine.synthesize(request)).samples


def assert_same(sounds: Sequence[Sound], others: Sequence[Sound]) -> None:
    assert [len(one) for one in sounds] == [len(one) for one in others]
    for one, other in zip(sounds, others, strict=True):
        assert np.abs(one - other).max() < 1e-6


def sitting(engine: Any) -> int:
    return len(engine._loaded.batch._floor.streams)


def test_what_it_can_do_survives_being_kept_as_json(xtts: XttsEngine) -> None:
    kept = json.loads(json.dumps(asdict(xtts.capabilities)))
    assert [one["id"] for one in kept["models"]] == ["xtts_v2"]
    assert len(bytes.fromhex(kept["models"][0]["digest"])) == 32
    assert len(kept["languages"]) == 17
    assert kept["clones"]
    assert not kept["commercial"]


def test_threads_with_other_voices_dials_and_seeds_do_not_hear_each_other(
    case: Case, voices: list[bytes]
) -> None:
    requests = [
        case.request(
            f"This is text number {number}. It has two sentences.",
            artifact=voices[number % 2],
            seed=number,
            dials={"temperature": 0.4 + number / 20, "speed": (1.0, 1.5)[number % 2]},
        )
        for number in range(8)
    ]
    alone = [said(case, one) for one in requests]
    assert len({one.tobytes() for one in alone}) == len(alone)
    with ThreadPoolExecutor(8) as pool:
        assert_same(list(pool.map(lambda one: said(case, one), requests * 2)), alone * 2)


def test_two_voices_say_the_same_text_in_their_own_ways(case: Case, voices: list[bytes]) -> None:
    one, other = (case.sound("Hello there.", artifact=voice) for voice in voices)
    assert one != other


def test_seeds_repeat_and_differ(case: Case) -> None:
    first, again, other = (case.sound("Hello there.", seed=seed) for seed in (1, 1, 2))
    assert first == again != other


@pytest.mark.parametrize("name", DIALS)
def test_a_dial_may_be_turned_to_both_its_ends(case: Case, name: str) -> None:
    for value in (DIALS[name].low, DIALS[name].high):
        assert np.isfinite(said(case, case.request("Hello.", dials={name: value}))).all()


@pytest.mark.parametrize("name", DIALS)
def test_a_dial_beyond_either_of_its_ends_is_refused(case: Case, name: str) -> None:
    for value in (DIALS[name].low - 0.01, DIALS[name].high + 0.01):
        with pytest.raises(SpeechError) as refused:
            case.engine.synthesize(case.request("Hello.", dials={name: value}))
        assert (refused.value.code, refused.value.permanent) == ("dial_out_of_range", True)


def test_no_dial_is_the_dials_at_their_defaults(case: Case) -> None:
    defaults = {name: dial.default for name, dial in DIALS.items()}
    assert case.sound("Hello there.", dials=defaults) == case.sound("Hello there.", dials={})


def test_speed_shortens_and_lengthens(case: Case) -> None:
    text = "The quick brown fox jumps. " * 5
    slow, usual, fast = (
        len(said(case, case.request(text, dials={"speed": speed, "temperature": 0.1})))
        for speed in (0.5, 1.0, 2.0)
    )
    assert slow / usual == pytest.approx(2.0, rel=0.1)
    assert usual / fast == pytest.approx(2.0, rel=0.1)


def test_requests_may_take_turns_sound_by_sound(case: Case) -> None:
    requests = [case.request("First of one. Second of one."), case.request("One. Two. Three.")]
    alone = [said(case, one) for one in requests]
    running = [case.engine.synthesize(one) for one in requests]
    heard: list[list[Sound]] = [[], []]
    while any(running):
        for index, sounds in enumerate(running):
            if sounds and (chunk := next(sounds, None)):
                heard[index].append(chunk.samples)
            else:
                running[index] = None  # type: ignore[call-overload]
    assert_same([np.concatenate(one) for one in heard], alone)


def test_who_closes_early_frees_all_slots_and_the_engine_goes_on(case: Case) -> None:
    text = "One sentence. Two sentences. Three sentences. Four sentences. " * 5
    whole = said(case, case.request("One sentence. Two sentences."))
    for _ in range(10):
        sounds = case.engine.synthesize(case.request(text))
        next(sounds)
        sounds.close()
        assert next(sounds, None) is None
        seated = case.engine._loaded.batch._floor.streams  # type: ignore[attr-defined]
        assert all(stream.left for stream in seated)
    before = case.engine._loaded.batch.steps  # type: ignore[attr-defined]
    assert_same([said(case, case.request("One sentence. Two sentences."))], [whole])
    assert case.engine._loaded.batch.steps - before < 3 * 24  # type: ignore[attr-defined]
    assert sitting(case.engine) == 0


def test_of_a_long_text_a_few_pieces_are_spoken_at_once(case: Case) -> None:
    sounds = case.engine.synthesize(case.request("One. Two. Three. Four. Five. Six."))
    most = 0
    for _ in sounds:
        most = max(most, sitting(case.engine))
    assert most <= AHEAD
    assert case.engine._loaded.batch.shape.slots > AHEAD  # type: ignore[attr-defined]


def test_the_pieces_of_a_long_text_come_in_their_order(case: Case) -> None:
    parts = ["First of all.", "Second of all.", "Third of all.", "Fourth of all."]
    alone = [said(case, case.request(part, dials={"top_k": 1})) for part in parts]
    whole = said(case, case.request(" ".join(parts), dials={"top_k": 1}))
    assert_same([whole], [np.concatenate(alone)])


def test_each_piece_of_each_seed_has_a_chance_of_its_own(case: Case) -> None:
    seeds = (0, 1, 7, 7 + 2**32)
    chances = {
        sampling_of(case.request("Hello.", seed=seed), index).seed
        for seed in seeds
        for index in range(50)
    }
    assert len(chances) == 50 * len(seeds)
    assert max(chances) < 2**64
    assert case.sound("Hello there.", seed=7) != case.sound("Hello there.", seed=7 + 2**32)


@pytest.fixture
def traced() -> Iterator[None]:
    tracemalloc.start()
    yield
    tracemalloc.stop()


def alive() -> tuple[int, int, int]:
    """Tensors, threads, and MiB that Python and numpy hold."""
    gc.collect()
    tensors = sum(issubclass(type(one), torch.Tensor) for one in gc.get_objects())
    return tensors, threading.active_count(), tracemalloc.get_traced_memory()[0] >> 20


def test_two_hundred_requests_leave_nothing_in_memory(case: Case, traced: None) -> None:
    request = case.request("Go.")

    def speak(count: int) -> tuple[int, int, int]:
        with ThreadPoolExecutor(8) as pool:
            list(pool.map(lambda _: said(case, request), range(count)))
        return alive()

    tensors, threads, mebibytes = speak(16)
    more = speak(200)
    assert more[0] < tensors + 100, "one of each request at least"
    assert more[1] <= threads
    assert more[2] <= mebibytes + 1


def test_sound_comes_before_the_sentence_has_ended(case: Case) -> None:
    chunks = [one for one in case.speak("Hello there.", dials={"speed": 0.5}) if one.seconds]
    assert len(chunks) > 1
    assert join(chunks).seconds < 2 * SECONDS


@pytest.mark.parametrize("language", sorted(LONGEST))
def test_every_language_is_spoken(case: Case, language: str) -> None:
    assert join(case.speak("1 a 2.", language=language)).seconds > 0.04


@pytest.mark.parametrize("language", ["sv", "xx", "tlh-Latn", "english", "", "-", "\0"])
def test_a_language_it_does_not_speak_is_refused_at_once(case: Case, language: str) -> None:
    with pytest.raises(SpeechError) as refused:
        case.engine.synthesize(case.request("Hello.", language=language))
    assert (refused.value.code, refused.value.permanent) == ("language_unsupported", True)


def test_without_a_voice_it_does_not_speak(case: Case) -> None:
    with pytest.raises(SpeechError) as refused:
        case.engine.synthesize(case.request("Hello.", artifact=None))
    assert refused.value.code == "voice_missing"


def test_nothing_is_offered_where_the_licence_was_not_accepted(quick_folder: Path) -> None:
    engine = XttsEngine(Settings(quick_folder))
    assert engine.capabilities.models == ()
    assert not engine.capabilities.clones
    with pytest.raises(ModelMissing) as refused:
        engine.synthesize(SpeechRequest("Hello.", "en", "xtts_v2"))
    assert refused.value.code == "licence_not_accepted"
    with pytest.raises(ModelMissing, match="has not been accepted"):
        engine.load()


def test_a_closed_engine_is_busy_for_ever(quick_folder: Path, case: Case) -> None:
    engine = XttsEngine(Settings(quick_folder, slots=1, accepted=True))
    engine.close()
    running = engine.synthesize(case.request("Hello there."))
    whole = said(case, case.request("Hello there."))
    engine.close()
    with pytest.raises(EngineBusy) as refused:
        list(running)
    assert not refused.value.permanent
    assert len(whole)
