"""What every engine owes the platform, asked of StyleTTS2."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from tests.contract.test_engines import (
    Case,
    test_a_dial_that_the_engine_does_not_have_is_refused,  # noqa: F401
    test_a_model_of_another_language_is_refused,  # noqa: F401
    test_a_region_nobody_knows_is_its_language,  # noqa: F401
    test_a_speaker_that_the_model_does_not_have_is_refused,  # noqa: F401
    test_a_text_over_the_limit_is_refused,  # noqa: F401
    test_a_text_without_words_is_nothing_to_say,  # noqa: F401
    test_an_unknown_model_is_refused_at_once,  # noqa: F401
    test_capabilities_survive_being_kept_as_json,  # noqa: F401
    test_chunks_are_finite_mono_floats_at_the_rate_of_the_model,  # noqa: F401
    test_closing_early_leaves_the_engine_ready,  # noqa: F401
    test_control_characters_and_half_code_points_are_not_spoken,  # noqa: F401
    test_each_sentence_is_a_chunk_of_its_own,  # noqa: F401
    test_phonemes_between_brackets_are_read_as_text,  # noqa: F401
    test_requests_may_take_turns_chunk_by_chunk,  # noqa: F401
    test_the_same_request_is_the_same_sound,  # noqa: F401
)
from tests.gpu.styletts2_models import QUICK, small_engine, small_voice

if TYPE_CHECKING:
    from synthesis_worker.contract import SpeechRequest


@dataclass(frozen=True)
class ClonedCase(Case):
    """It speaks only as somebody it has cloned."""

    def request(self, text: str, **changes: object) -> SpeechRequest:
        return super().request(text, artifact=small_voice(QUICK), **changes)


@pytest.fixture(scope="module")
def case() -> Case:
    return ClonedCase(small_engine(QUICK), "styletts2")


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -1.0, 0.74, 1.76])
def test_a_dial_out_of_range_is_refused(case: Case, value: float) -> None:
    with pytest.raises(Exception, match="out of range") as refused:
        case.engine.synthesize(case.request("Hello.", dials={"speed": value}))
    assert getattr(refused.value, "code", None) == "dial_out_of_range"
