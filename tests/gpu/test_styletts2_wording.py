"""English as StyleTTS2 reads it: the punctuation stays, and no piece is longer than it reads."""

# ruff: noqa: RUF001 - phonemes look like other letters, and are none

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise

import gruut
import pytest
from styletts2.text_utils import dicts

from gpu_worker.engines.styletts2.lexicon import words_of
from gpu_worker.engines.styletts2.wording import MOST, phonemes, read
from synthesis_worker.contract import SpeechError


def written(text: str) -> str:
    """The symbols of all pieces, each of which starts with a zero."""
    names = {number: symbol for symbol, number in dicts.items()}
    pieces = list(read(text, "en"))
    assert all(piece[0] == 0 for piece in pieces)
    return "|".join("".join(names[number] for number in piece[1:]) for piece in pieces)


def test_the_punctuation_stays_between_the_words() -> None:
    assert phonemes("Hello, friend!") == "həlˈoʊ , fɹˈɛnd !"
    assert written("Yes; no: well? Good.") == "jˈɛs ; nˈoʊ : wˈɛl ?|ɡˈʊd ."


def test_each_sentence_is_a_piece() -> None:
    assert len(list(read("One. Two! Dr. Smith is three?", "en"))) == 3


def test_numbers_and_money_are_words() -> None:
    assert phonemes("It costs $5.20.") == phonemes("It costs five dollars twenty cents.")
    assert phonemes("We are #1 in 1/2.") == phonemes("We are one in one two.")


@pytest.mark.parametrize(
    ("text", "same"),
    [
        ("café", "cafe"),
        ("ﬁne", "fine"),
        ("don’t", "don't"),
        ("this — that", "this, that"),
        ("this—that", "this, that"),
        ("Hello 你好 ☃ friend", "Hello friend"),
        ("a\x00\x1bb", "a b"),
    ],
)
def test_what_english_does_not_write_is_read_as_it_would(text: str, same: str) -> None:
    assert written(text) == written(same)


@pytest.mark.parametrize(
    ("number", "same"),
    [("9" * 16, "9 " * 16), ("7" * 40 + ".5", "7 " * 40 + ".5"), ("1E+400", "1 E+ 4 0 0")],
)
def test_a_number_that_is_no_word_is_read_by_its_digits(number: str, same: str) -> None:
    assert written(f"It is {number} now.") == written(f"It is {same} now.")


@pytest.mark.parametrize("text", ["", "...", "?!", "\x00\ud800", "你好", "😀", "—", "€"])
def test_a_text_without_english_words_is_nothing_to_say(text: str) -> None:
    with pytest.raises(SpeechError) as refused:
        read(text, "en")
    assert refused.value.code == "nothing_to_say"


@pytest.mark.parametrize("text", ["1234567890 " * 8, "7" * 300, "a" * 1000, "W " * 200])
def test_what_is_too_long_in_sounds_is_cut_and_nothing_is_lost(text: str) -> None:
    pieces = list(read(text, "en"))
    assert len(pieces) > 1
    assert max(map(len, pieces)) <= 1 + MOST == 512


@pytest.mark.parametrize(
    "part",
    [
        "a",
        "9",
        "a1/b2-",
        "1/2/3/4",
        "http://a.b/c?d=e&f ",
        "a'",
        " ",
        "\n ",
        ".",
        " -",
        "日",
        "\ufdfa",
    ],
)
def test_a_text_of_whatever_and_without_end_has_its_first_piece_at_once(part: str) -> None:
    list(read("Hello.", "en"))  # the reader has been loaded
    text = part * (100_000 // len(part)) + "x"
    began = time.process_time()
    assert len(next(read(text, "en"))) <= 1 + MOST
    assert time.process_time() - began < 5


@pytest.mark.parametrize("text", ["a" * 20_000, "9" * 20_000, "a1/b2-" * 3_300, "zq " * 6_600])
def test_a_text_is_read_far_sooner_than_it_is_spoken(text: str) -> None:
    began = time.process_time()
    sounds = sum(map(len, read(text, "en")))
    assert sounds > 10_000
    assert time.process_time() - began < 20


@pytest.mark.parametrize(
    "text",
    ["It costs $5.20 on 12/24/2020.", "She READ it; I lead LEAD.", "Qzx'd a1/b2, tHeIR X-ray"],
)
def test_words_sound_as_the_reader_s_own_lexicon_has_them(text: str) -> None:
    own = [
        word for sentence in gruut.sentences(text, lang="en-us", espeak=True) for word in sentence
    ]
    ours = [word for sentence in words_of(text) for word in sentence]
    assert [(word.text, word.phonemes) for word in ours] == [(w.text, w.phonemes) for w in own]


def test_threads_read_as_one_does() -> None:
    texts = [f"{word} blooms, unheardofly, in {number}." for number, word in enumerate("abcdefgh")]
    alone = [phonemes(text) for text in texts]
    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(phonemes, texts * 4)) == alone * 4


def test_a_long_piece_is_cut_behind_a_stop_or_between_words() -> None:
    for text, ends in (("1234567890, " * 20, ","), ("W " * 200, " ")):
        first, *_ = written(text).split("|")
        assert len(first) <= MOST
        assert first[-1] == ends or first.endswith(f"{ends} ")


def test_all_sounds_of_a_long_sentence_are_in_its_pieces_in_order() -> None:
    sentence = "1234567890 " * 8
    assert written(sentence).replace("|", "") == phonemes(sentence)
    starts = [len(piece) for piece in read(sentence, "en")]
    assert all(one > 128 for one, _ in pairwise(starts))
