"""Segments stay within their limit, cut where it hurts least, and outlive an edit."""

from __future__ import annotations

import random

import pytest

from voices.text import segments

THAI = "\u0e40\u0e01\u0e49\u0e32\u0e2d\u0e35\u0e49\u0e19\u0e49\u0e33"


def book(paragraphs: int, sentences_each: int) -> list[list[str]]:
    draw = random.Random(7)
    words = ["stone", "river", "quiet", "morning", "letter", "window", "garden", "answer", "winter"]
    return [
        [
            f"{' '.join(draw.choices(words, k=draw.randint(4, 14))).capitalize()}."
            for _ in range(sentences_each)
        ]
        for _ in range(paragraphs)
    ]


def test_a_short_text_is_one_segment() -> None:
    assert segments(" One. Two.\n\nThree. ", "en", 100) == ["One. Two.\n\nThree."]


def test_nothing_to_say_is_no_segment() -> None:
    assert segments("", "en", 10) == []
    assert segments("... \n\n --- ", "en", 5) == []


def test_paragraphs_part_before_sentences_and_sentences_before_clauses() -> None:
    text = "First one here. Second one.\n\nThird, with a clause that is long, ends."
    assert segments(text, "en", 30) == [
        "First one here. Second one.",
        "Third, with a clause that is",
        "long, ends.",
    ]


def test_an_over_long_sentence_is_cut_at_a_clause_then_a_word() -> None:
    assert segments("alpha beta gamma, delta epsilon", "en", 20) == [
        "alpha beta gamma,",
        "delta epsilon",
    ]
    assert segments("alpha beta gamma delta", "en", 12) == ["alpha beta", "gamma delta"]


def test_a_full_width_comma_needs_no_space_after_it() -> None:
    assert segments("\u4e00\u4e8c\u4e09\uff0c\u56db\u4e94\u516d", "zh", 5) == [
        "\u4e00\u4e8c\u4e09\uff0c",
        "\u56db\u4e94\u516d",
    ]


def test_one_endless_word_is_cut_at_the_limit() -> None:
    pieces = segments("a" * 100_000, "en", 300)
    assert "".join(pieces) == "a" * 100_000
    assert {len(piece) for piece in pieces[:-1]} == {300}


@pytest.mark.parametrize(
    ("cluster", "language"),
    [
        ("e\u0316\u0301", "en"),
        ("\U0001f468\u200d\U0001f469\u200d\U0001f467a", "en"),
        ("\u0915\u094d\u0937\u093f", "hi"),
        ("\u0e40\u0e01\u0e49", "th"),
        ("\u0e19\u0e49\u0e33", "th"),
        ("\u1112\u1161\u11ab", "ko"),
        ("\U0001f1e9\U0001f1eaa", "en"),
    ],
)
def test_no_cut_tears_what_a_reader_sees_as_one(cluster: str, language: str) -> None:
    pieces = segments(cluster * 40, language, 10)
    assert "".join(pieces) == cluster * 40
    starts = {piece[0] for piece in pieces}
    assert starts <= {cluster[0], "a"}


@pytest.mark.parametrize("limit", [0, -5])
def test_a_limit_below_one_is_a_mistake_of_the_caller(limit: int) -> None:
    with pytest.raises(ValueError, match="at least one"):
        segments("text", "en", limit)


def test_an_edit_in_a_book_changes_one_segment() -> None:
    chapters = book(paragraphs=60, sentences_each=5)
    before = segments("\n\n".join(" ".join(chapter) for chapter in chapters), "en", 600)
    chapters[30][2] = "Something else happened."
    after = segments("\n\n".join(" ".join(chapter) for chapter in chapters), "en", 600)
    assert len(set(after) - set(before)) == 1


def test_after_an_edit_in_an_endless_paragraph_the_old_cuts_are_found_again() -> None:
    lines = [line for chapter in book(paragraphs=100, sentences_each=10) for line in chapter]
    before = segments(" ".join(lines), "en", 600)
    for place in range(50, 950, 100):
        edited = [*lines[:place], "Something else happened here.", *lines[place + 1 :]]
        after = segments(" ".join(edited), "en", 600)
        assert len(set(after) - set(before)) <= 12 < len(after) / 5


def test_equal_text_gives_equal_segments() -> None:
    text = THAI * 300
    assert segments(text, "th", 50) == segments(text, "th", 50)
