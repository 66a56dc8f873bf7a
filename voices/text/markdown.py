"""Markdown and stray HTML taken out of a text, line by line and then within the lines."""

from __future__ import annotations

import re

_NOT_A_LINE = re.compile(
    r"(?:`{3,}+|~{3,}+)[\w+#.-]{0,40}|([-*_=])(?: ?\1){2,}|[ |:-]*+|\[[^\[\]]{1,100}\]: ?\S+.*"
)
_MARKERS = re.compile("(?:(?:[-*+•‣◦·\u2013—]|#{1,6}|\\[[ xX]?\\]) +|> ?)+")
_NUMBERED = re.compile(r"([0-9]{1,3})[.)] +(?=\S)")
_CLOSING_HASHES = re.compile(r" #{1,6}$")

_BLOCK_TAG = re.compile(
    r"</?(?:br|p|div|li|ul|ol|tr|table|h[1-6]|hr|section|article|blockquote|pre)"
    r"(?:[\s/][^<>]{0,500}+)?>",
    re.I,
)
_INLINE_TAG = re.compile(
    r"</?(?:a|abbr|b|big|cite|code|del|em|font|i|img|ins|kbd|mark|q|s|small|span|strike|strong|"
    r"sub|sup|td|th|tbody|thead|u|var)(?:[\s/][^<>]{0,500}+)?>|<!--[^<>]*+(?<=--)>",
    re.I,
)
_AUTOLINK = re.compile(
    r"<((?:https?://|mailto:)[^\s<>]{1,2000}+|[^\s<>@]{1,64}+@[^\s<>@]{1,255}+)>"
)
_LINK = re.compile(
    r"!?\[([^\[\]\n]{0,500}+)\]"
    r"(?:\((?:[^()\s]|\([^()\s]{0,200}+\)){0,2000}+(?: [\"'][^\"'\n]{0,200}+[\"'])?\)"
    r"|\[[^\[\]\n]{0,100}+\])"
)
_FOOTNOTE = re.compile(r"\[\^[^\[\]\s]{1,40}+\]:?")
_ESCAPE = re.compile(r"(?<!\\)\\++(?=[!-/:-@\[\]^_`{-~])")
_POWER = re.compile(r"(?<=[0-9])\*\*(?=[0-9])")
_STARS = re.compile(r"\*++")
_UNDERSCORES = re.compile(r"_++")
_TICKS = re.compile(r"`++|~~++")
_PIPES = re.compile(r" ?\|++ ?")
# Two brackets would make Piper read what follows as phonemes.
_DOUBLE_OPEN = re.compile(r"\[(?: ?\[)++")
_DOUBLE_CLOSE = re.compile(r"\](?: ?\])++")


def strip_line_marks(line: str) -> tuple[str, bool]:
    """The line without heading, list and quote marks, and whether it stands for itself."""
    line = line.strip()
    if _NOT_A_LINE.fullmatch(line):
        return "", True
    marker = _MARKERS.match(line)
    if marker:
        line = _CLOSING_HASHES.sub("", line[marker.end() :])
    numbered = _NUMBERED.match(line)
    if numbered:
        line = f"{numbered[1]}: {line[numbered.end() :]}"
    row = line.startswith("|")
    return line.strip("| ") if row else line, bool(marker or numbered or row)


def strip_inline_marks(text: str) -> str:
    """Links, images, tags, emphasis and code ticks give way to their words."""
    if "<" in text:
        text = _BLOCK_TAG.sub("\n\n", _AUTOLINK.sub(r" \1 ", text))
        text = _INLINE_TAG.sub("", text)
    if "\\" in text:
        text = _ESCAPE.sub("", text)
    if "[" in text:
        text = _LINK.sub(r"\1", _FOOTNOTE.sub("", text))
        text = _DOUBLE_OPEN.sub("[", text)
    if "]" in text:
        text = _DOUBLE_CLOSE.sub("]", text)
    return _strip_emphasis(text)


def _strip_emphasis(text: str) -> str:
    if "*" in text:
        text = _STARS.sub(_kept_star, _POWER.sub("^", text))
    if "_" in text:
        text = _UNDERSCORES.sub(_space_within_word, text)
    if "`" in text or "~~" in text:
        text = _TICKS.sub("", text)
    return _PIPES.sub(", ", text) if "|" in text else text


def _kept_star(found: re.Match[str]) -> str:
    """A star between two numbers or two spaces multiplies; any other is a mark."""
    before, after = _neighbours(found)
    multiplies = (before, after) == (" ", " ") or (before.isdigit() and after.isdigit())
    return "*" if multiplies and found[0] == "*" else ""


def _space_within_word(found: re.Match[str]) -> str:
    """`my_name` is two words; `_name_` is one."""
    before, after = _neighbours(found)
    return " " if before.isalnum() and after.isalnum() else ""


def _neighbours(found: re.Match[str]) -> tuple[str, str]:
    start, end = found.span()
    return found.string[start - 1 : start] if start else "", found.string[end : end + 1]
