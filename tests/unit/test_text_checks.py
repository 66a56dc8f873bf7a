"""Texts that cannot be spoken are refused with a stable code, and only those."""

from __future__ import annotations

import pytest

from voices.text import TextError, check_text

REFUSED = [
    ("", "text_empty"),
    (" \n\t ", "text_empty"),
    ("...!?", "text_empty"),
    ("\U0001f600\U0001f44d", "text_empty"),
    ("![](https://example.com/cat.png)", "text_empty"),
    ("<br>", "text_empty"),
    ("\u200b\u200b", "text_empty"),
    ("x" * 101, "text_too_long"),
    ("a\x00b", "text_control_characters"),
    ("a\x1bb", "text_control_characters"),
    ("a\x7fb", "text_control_characters"),
    ("a\x85b", "text_control_characters"),
    ("a\ud800b", "text_encoding"),
    ("caf\ufffd", "text_encoding"),
    ("<speak>Hi</speak>", "ssml_unsupported"),
    ('Wait <break time="1s"/> here', "ssml_unsupported"),
    ("<BREAK/>", "ssml_unsupported"),
    ('<prosody rate="slow">x', "ssml_unsupported"),
    ('<say-as interpret-as="date">x</say-as>', "ssml_unsupported"),
    ("<amazon:effect name='whispered'>x", "ssml_unsupported"),
]

TAKEN = [
    "Hello",
    "I <3 you",
    "a < b and b > a",
    "if a <break the loop",
    "<b>bold</b>",
    "<breakfast>",
    "line\nline\r\n\ttab",
    "5",
    "\u4f60\u597d",
    "\u0e2a\u0e27\u0e31\u0e2a\u0e14\u0e35",
    "x" * 100,
]


@pytest.mark.parametrize(("text", "code"), REFUSED)
def test_a_bad_text_is_refused_with_its_code(text: str, code: str) -> None:
    with pytest.raises(TextError) as refused:
        check_text(text, 100)
    assert refused.value.code == code
    assert refused.value.message.encode()


@pytest.mark.parametrize("text", TAKEN)
def test_a_good_text_is_taken(text: str) -> None:
    check_text(text, 100)


def test_the_error_names_the_place_and_the_character() -> None:
    with pytest.raises(TextError, match=r"Character 3 .* U\+0007"):
        check_text("ab\x07", 100)
