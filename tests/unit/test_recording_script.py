"""The recording scripts: every sound of English is in them, in lines that can be read in one go."""

from __future__ import annotations

import re
from pathlib import Path

import piper
import pytest
from piper import espeakbridge

from voices.samples.script import LENGTHS, recording_script

# As espeak-ng writes them for en-us: consonants, vowels, diphthongs, and vowels before an r.
SOUNDS = Path(__file__).parents[1].joinpath("sounds_of_english.txt").read_text("utf-8").split()


def spoken(length: str) -> str:
    espeakbridge.initialize(str(Path(piper.__file__).parent / "espeak-ng-data"))
    espeakbridge.set_voice("en-us")
    text = " ".join(line.text for line in recording_script("en", length).lines)
    phonemes = "".join(part for part, *_ in espeakbridge.get_phonemes(text))
    return re.sub("[\u02c8\u02cc]", "", phonemes)  # stress


@pytest.mark.parametrize("length", LENGTHS)
def test_every_sound_of_english_is_in_it(length: str) -> None:
    rest = spoken(length)
    for sound in sorted(SOUNDS, key=len, reverse=True):  # what is part of a longer one is not it
        assert sound in rest, sound
        rest = rest.replace(sound, " ")


@pytest.mark.parametrize("length", LENGTHS)
def test_each_line_is_read_in_one_breath(length: str) -> None:
    for line in recording_script("en", length).lines:
        assert 1 < line.seconds <= 8, line.text


def test_the_short_one_is_enough_for_a_clone_and_the_long_one_for_a_training() -> None:
    short, long = (recording_script("en", length) for length in LENGTHS)
    assert 30 <= short.seconds <= 60
    assert 120 <= long.seconds <= 600


@pytest.mark.parametrize("length", LENGTHS)
def test_it_greets_asks_two_questions_praises_thanks_and_says_goodbye(length: str) -> None:
    lines = [line.text for line in recording_script("en", length).lines]
    text = " ".join(lines)
    assert "welcome" in lines[0]
    assert "choice" in text
    assert sum("?" in line for line in lines) >= 2
    assert "Thank you" in text
    assert "oodbye" in lines[-1]
