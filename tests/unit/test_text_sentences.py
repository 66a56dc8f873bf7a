"""Where sentences end, in English and in scripts that end them their own way."""

from __future__ import annotations

import pytest

from voices.text import sentences

ENGLISH = [
    ("One. Two! Three? Four", ["One.", "Two!", "Three?", "Four"]),
    ("Dr. Smith came. He sat.", ["Dr. Smith came.", "He sat."]),
    ("J. R. R. Tolkien wrote.", ["J. R. R. Tolkien wrote."]),
    ("I saw the U.S. Army in the U.S. He left.", ["I saw the U.S. Army in the U.S.", "He left."]),
    ("Vitamin C. It works.", ["Vitamin C.", "It works."]),
    ("So did I. Then we left.", ["So did I.", "Then we left."]),
    ("It costs 3.14 dollars. Fine.", ["It costs 3.14 dollars.", "Fine."]),
    ("See No. 5. Or fig. 2.", ["See No. 5.", "Or fig. 2."]),
    ("Pens, etc. were lost. Go.", ["Pens, etc. were lost.", "Go."]),
    ("Wait... what? Well... Then go.", ["Wait... what?", "Well...", "Then go."]),
    ('"Really?" she said. "Yes." He left.', ['"Really?" she said.', '"Yes."', "He left."]),
    ("He (it rained. A lot.) went. Bye.", ["He (it rained. A lot.) went.", "Bye."]),
    ("An (open bracket. And on. And on.", ["An (open bracket.", "And on.", "And on."]),
    ("Yahoo! is big. Yes.", ["Yahoo! is big.", "Yes."]),
    ("1. First thing. Second.", ["1. First thing.", "Second."]),
    ("a line\nanother\n\na paragraph", ["a line", "another", "a paragraph"]),
    ("What?! No.", ["What?!", "No."]),
    ("", []),
    (" \n ", []),
]

OTHERS = [
    ("de", "Am 5. Mai 1999. Dann ging er.", ["Am 5. Mai 1999.", "Dann ging er."]),
    ("de", "Das ist z.B. gut. Nr. 5 auch.", ["Das ist z.B. gut.", "Nr. 5 auch."]),
    (
        "es",
        "\u00bfQu\u00e9? \u00a1Hola! El Sr. Paz.",
        ["\u00bfQu\u00e9?", "\u00a1Hola!", "El Sr. Paz."],
    ),
    (
        "zh",
        "\u4f60\u597d\u3002\u300c\u597d\u3002\u300d\u4ed6\u8bf4\u3002",
        ["\u4f60\u597d\u3002", "\u300c\u597d\u3002\u300d", "\u4ed6\u8bf4\u3002"],
    ),
    ("ja", "\u306f\u3044\uff01\u672c\u5f53\uff1f", ["\u306f\u3044\uff01", "\u672c\u5f53\uff1f"]),
    (
        "hi",
        "\u092f\u0939 \u0939\u0948\u0964 \u0935\u0939\u0964",
        ["\u092f\u0939 \u0939\u0948\u0964", "\u0935\u0939\u0964"],
    ),
    (
        "ar",
        "\u0643\u064a\u0641\u061f \u0628\u062e\u064a\u0631.",
        ["\u0643\u064a\u0641\u061f", "\u0628\u062e\u064a\u0631."],
    ),
    ("my", "\u1000\u102c\u104b\u1001\u102b\u104b", ["\u1000\u102c\u104b", "\u1001\u102b\u104b"]),
]


@pytest.mark.parametrize(("text", "expected"), ENGLISH)
def test_english_sentences_end_where_a_reader_stops(text: str, expected: list[str]) -> None:
    assert sentences(text, "en-GB") == expected


@pytest.mark.parametrize(("language", "text", "expected"), OTHERS)
def test_other_scripts_end_sentences_their_own_way(
    language: str, text: str, expected: list[str]
) -> None:
    assert sentences(text, language) == expected


@pytest.mark.parametrize("language", ["th", "lo", "km", "my"])
def test_a_long_stretch_without_stops_is_parted_at_its_spaces(language: str) -> None:
    phrase = "\u0e2a\u0e27\u0e31\u0e2a\u0e14\u0e35\u0e04\u0e23\u0e31\u0e1a"
    parts = sentences(" ".join([phrase] * 60), language)
    assert len(parts) > 3
    assert all(part.replace(phrase, "").strip() == "" for part in parts)
