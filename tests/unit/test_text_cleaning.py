"""What no listener wants to hear is gone after cleaning, in every language."""

from __future__ import annotations

import pytest

from voices.text import clean, normalise

MARKDOWN = [
    ("# Title\n\nText", "Title.\n\nText"),
    ("Some **bold**, _italic_ and ***both***", "Some bold, italic and both"),
    ("Run `make test` now", "Run make test now"),
    ("```python\nprint(x)\n```", "print(x)."),
    ("- one\n- two", "one.\ntwo"),
    ("1. Mix\n2. Bake", "1: Mix.\n2: Bake"),
    ("- [x] done\n- [ ] open", "done.\nopen"),
    ("> quoted", "quoted"),
    ("above\n\n---\n\nbelow", "above.\n\nbelow"),
    ("| a | b |\n|---|---|\n| 1 | 2 |", "a, b.\n\n1, 2"),
    ("[the site](https://example.com/a_(b))", "the site"),
    ('![a cat](cat.png "Cat")', "a cat"),
    ("[![badge](b.png)](https://example.com)", "badge"),
    ("[text][ref] and a note[^1]", "text and a note"),
    ("~~old~~ new", "old new"),
    ("my_variable_name", "my variable name"),
    ("\\*not bold\\*", "not bold"),
    ("2**3 and 5 * 3", "2^3 and 5 * 3"),
    ("<b>bold</b><br>new <!-- hidden --> line", "bold.\n\nnew line"),
    ("Fish &amp; chips &lt; 5 &#8364;", "Fish & chips < 5 \u20ac"),
    ("&amp;amp;", "&"),
]

LINKS = [
    ("See https://www.example.com/path?q=1.", "See example.com."),
    ("(http://example.com)", "(example.com)"),
    ("https://user:secret@example.com:8080/x", "example.com"),
    ("www.example.org/a/b", "example.org"),
    ("example.com/a/b?c", "example.com"),
    ("<https://example.com/a>", "example.com"),
    ("Write to joe@example.com!", "Write to joe @ example.com!"),
    ("mailto:joe@example.com", "joe @ example.com"),
]

PICTURES = [
    ("Hi \U0001f600!", "Hi!"),
    ("a\U0001f600b", "a b"),
    ("family \U0001f468\u200d\U0001f469\u200d\U0001f467 ok", "family ok"),
    ("thumb \U0001f44d\U0001f3fd", "thumb"),
    ("flags \U0001f1e9\U0001f1ea\U0001f1eb\U0001f1f7 up", "flags up"),
    ("Wales \U0001f3f4\U000e0067\U000e0062\U000e0077\U000e006c\U000e0073\U000e007f ok", "Wales ok"),
    ("key 1\ufe0f\u20e3 #\ufe0f\u20e3 end", "key end"),
    ("love \u2764\ufe0f you", "love you"),
]

CHARACTERS = [
    ("e\u0301", "\u00e9"),
    ("zero\u200bwidth\ufeff", "zerowidth"),
    ("soft\u00adhyphen", "softhyphen"),
    ("a\u00a0\u2003\tb", "a b"),
    ("a\r\n\r\nb", "a.\n\nb"),
    ("\u202eabc\u202c", "abc"),
    ("don\u2019t", "don't"),
    ("\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645",) * 2,
    ("\ud800x\ufffd", "x"),
    ("bell\x07", "bell"),
]


@pytest.mark.parametrize(("written", "plain"), [*MARKDOWN, *LINKS, *PICTURES, *CHARACTERS])
def test_only_what_is_spoken_is_left(written: str, plain: str) -> None:
    assert clean(written) == plain


@pytest.mark.parametrize("text", ["[[h\u025b]]", "[ [x] ]", "[\u200b[x]]", "[[[x]]]", "&#91;[x]]"])
@pytest.mark.parametrize("language", ["en", "de"])
def test_brackets_of_a_customer_are_never_phonemes(text: str, language: str) -> None:
    spoken = normalise(text, language)
    assert "[[" not in spoken
    assert "]]" not in spoken


def test_a_wrapped_line_goes_on_and_a_short_line_ends() -> None:
    wrapped = "This line is long enough to have been wrapped by an editor\nBob did it"
    assert clean(wrapped) == wrapped.replace("\n", " ")
    assert clean("Milk\nEggs, and\nbread") == "Milk.\nEggs, and bread"


def test_lines_end_with_the_full_stop_of_their_script() -> None:
    assert clean("\u6807\u9898\n\n\u6b63\u6587") == "\u6807\u9898\u3002\n\n\u6b63\u6587"
    assert clean("\u0928\u093e\u092e\n\u0939\u0948") == "\u0928\u093e\u092e\u0964\n\u0939\u0948"


def test_a_mountain_of_marks_on_one_letter_is_levelled() -> None:
    assert len(clean("a" + "\u0316\u0301" * 5000)) <= 10


def test_markup_nested_past_all_reason_is_still_plain() -> None:
    nested = "x"
    for _ in range(12):
        nested = f"[{nested}](u)"
    assert clean(nested).startswith("x")
    assert clean(clean(nested)) == clean(nested)
