"""Cutting text for engines, and the tags of languages."""

import time

import pytest

from synthesis_worker.languages import canonical_tag, primary_language, widening_tags
from synthesis_worker.plain_text import make_speakable, part_first_clause, split_sentences


@pytest.mark.parametrize(
    ("text", "sentences"),
    [
        ("Is it? Yes! No.", ["Is it?", "Yes!", "No."]),
        ("Mr. Fox met J. R. Bear.", ["Mr. Fox met J. R. Bear."]),
        ("He said “Go.” Then he left.", ["He said “Go.”", "Then he left."]),
        ("At 5 p.m. it rained. It is 3.5 now.", ["At 5 p.m. it rained.", "It is 3.5 now."]),
        ("今日は。元気？", ["今日は。", "元気？"]),  # noqa: RUF001
        ("नमस्ते। आप कैसे हैं।", ["नमस्ते।", "आप कैसे हैं।"]),
        ("A title\n\nA text", ["A title", "A text"]),
        ("one line\nand the next", ["one line and the next"]),
        ("Well... ... !? - Yes.", ["Well...", "Yes."]),
        ("", []),
        (" \n ... ", []),
    ],
)
def test_sentences_are_found(text: str, sentences: list[str]) -> None:
    assert [" ".join(one.split()).lstrip("- ") for one in split_sentences(text)] == sentences


@pytest.mark.parametrize("text", ["word " * 300, "x" * 900, "日本語" * 300, "one, two; " * 90])
def test_no_piece_is_longer_than_asked_and_no_word_is_lost(text: str) -> None:
    pieces = split_sentences(text, 100)
    assert max(map(len, pieces)) <= 100
    assert "".join("".join(pieces).split()) == "".join(text.split())


def test_a_long_sentence_is_cut_at_a_clause_before_a_space() -> None:
    text = "It rained and rained and rained, " + "and nobody knew when it would ever end"
    assert split_sentences(text, 60)[0] == "It rained and rained and rained,"


def test_a_first_clause_is_parted_where_the_sentence_is_long() -> None:
    long = "When the rain had stopped at last, they all went out to play in the mud."
    assert part_first_clause(long, 10, 40) == [
        "When the rain had stopped at last,",
        "they all went out to play in the mud.",
    ]
    assert part_first_clause(long, 10, 400) == [long]
    assert part_first_clause("No clause in this one at all", 5, 10) == [
        "No clause in this one at all"
    ]


@pytest.mark.parametrize("run", [" ", "\u00a0", ".", "!?", "\t."])
def test_a_long_run_of_the_same_is_looked_at_once(run: str) -> None:
    began = time.process_time()
    assert split_sentences(f"a{run * 50_000}b")
    assert time.process_time() - began < 1


def test_what_could_command_an_engine_is_made_harmless() -> None:
    assert make_speakable("a\x00b\x1b\ud800c") == "a b c"
    assert "[[" not in make_speakable("[[[[x]]]]")
    assert "]]" not in make_speakable("[[[[x]]]]")


def test_tags_are_spelled_and_widened_as_the_standard_says() -> None:
    assert canonical_tag("EN_us") == "en-US"
    assert canonical_tag("zh-hans-cn") == "zh-Hans-CN"
    assert canonical_tag("en-GB-X-RP") == "en-GB-x-rp"
    assert list(widening_tags("zh_hans_CN")) == ["zh-Hans-CN", "zh-Hans", "zh"]
    assert list(widening_tags("")) == []
    assert primary_language("pt_BR") == "pt"
