"""What holds for every text anybody could send."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from voices.text import TextError, check_text, clean, normalise, segments, sentences

PIECES = [
    *"ab1 .,;:!?*_`~#|<>[]()\\&/@=+-$%'\"\n",
    *("\t", "\r", "\u200b", "\u0301", "\u200d", "\ufe0f", "\u20e3", "\U0001f600", "\U0001f1e9"),
    *("[a](b)", "![", "](", "**", "&amp;", "&lt;", "&#91;", "http://a.com/b", "www.", "a@b.de"),
    *("<b>", "<!--", "-->", "- ", "1. ", "# ", "> ", "```", "---", "\n\n", "[[", "]]", "Dr. "),
    *("\u3002", "\u0964", "\u0e40\u0e01", "\u0915\u094d", "$1.50", "11/12/2026", "3:30pm", "IV"),
]
CODES = {
    "text_empty",
    "text_too_long",
    "text_control_characters",
    "text_encoding",
    "ssml_unsupported",
}
LANGUAGES = st.sampled_from(["en", "en-GB", "de", "zh", "hi", "th", "ar", ""])
ANY_TEXT = st.text() | st.lists(st.sampled_from(PIECES), max_size=40).map("".join)


def heard(text: str) -> str:
    """What a voice would read out of it."""
    return "".join(filter(str.isalnum, text))


@given(ANY_TEXT)
def test_cleaning_twice_changes_nothing(text: str) -> None:
    assert clean(clean(text)) == clean(text)


@given(ANY_TEXT, LANGUAGES)
def test_a_normalised_text_is_plain(text: str, language: str) -> None:
    spoken = normalise(text, language)
    assert spoken.encode().decode() == spoken
    assert not {"\x00", "\x02", "\r", "\t", "\u200b", "\U0001f600", "\U0001f1e9"} & set(spoken)
    assert "[[" not in spoken
    assert "http://" not in spoken


@given(ANY_TEXT, LANGUAGES)
def test_sentences_lose_only_space(text: str, language: str) -> None:
    assert "".join("".join(sentences(text, language)).split()) == "".join(text.split())


@given(ANY_TEXT, LANGUAGES, st.integers(1, 50))
def test_segments_keep_to_their_limit_and_lose_nothing(
    text: str, language: str, limit: int
) -> None:
    pieces = segments(text, language, limit)
    assert all(0 < len(piece) <= limit for piece in pieces)
    assert heard("".join(pieces)) == heard(text)


@given(ANY_TEXT)
def test_a_check_passes_only_what_can_be_heard_and_raises_nothing_but_its_own(text: str) -> None:
    assert _refusal(text) in CODES or heard(clean(text))


def _refusal(text: str) -> str:
    try:
        check_text(text, 30)
    except TextError as refused:
        return refused.code
    return ""
