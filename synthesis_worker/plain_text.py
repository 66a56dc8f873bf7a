"""A caller's text made safe to speak, and cut into the pieces that engines speak one by one."""

import re
import unicodedata
from collections.abc import Iterator

LONGEST_PIECE = 400  # characters; past this an engine's memory grows faster than its speech
SYLLABLE = 3  # a character of a wide script (Chinese, Japanese, Korean) lasts as long as three

_UNSPEAKABLE = re.compile("[\x00-\x1f\x7f-\x9f\ud800-\udfff\ufdd0-\ufdef\ufffe\uffff]+")
_PHONEME_BLOCK = re.compile(r"\[(?=\[)|\](?=\])")
# Runs are looked at from their first character on, or a long one would be gone through from each.
_PARAGRAPH = re.compile(r"(?<!\s)\s*\n\s*\n\s*")
# The marks of other scripts look like ASCII ones to a linter: that is what they are here for.
_CLOSERS = "\"'’”»)\\]"  # noqa: RUF001
_SENTENCE_END = re.compile(
    rf"(?<![.!?…])[.!?…]+[{_CLOSERS}]*(?=\s)|[。！？｡।॥؟۔።]+[」』{_CLOSERS}]*"  # noqa: RUF001
)
_CLAUSE_END = re.compile(r"[,;:،؛](?=\s)|\s[–—-](?=\s)|[、，；：]")  # noqa: RUF001
_ABBREVIATION = re.compile(r"(?:\b[^\W\d_]|\b(?:Dr|Mr|Mrs|Ms|Prof|St|Jr|Sr|vs|etc|No|Nr))\.$")


def make_speakable(text: str) -> str:
    """Without control characters and half code points, which break engines or command them.

    `[[...]]` marks phonemes to several engines: the pair of brackets is parted, so that what
    stands inside is read as words.
    """
    return _PHONEME_BLOCK.sub(lambda mark: mark.group() + " ", _UNSPEAKABLE.sub(" ", text))


def split_sentences(text: str, longest: int = LONGEST_PIECE) -> list[str]:
    """Sentences ready to speak, none over `longest` characters, none of punctuation alone.

    What is longer is cut at a clause, else at a space, else anywhere; in wide scripts, whose
    characters are syllables, a third of the length is long.
    """
    paragraphs = (make_speakable(part) for part in _PARAGRAPH.split(text))
    sentences = (one for part in paragraphs for one in _sentences(part))
    pieces = (piece for one in sentences for piece in _cut_to(one.strip(), longest))
    return [piece for piece in pieces if _says_something(piece)]


def part_first_clause(sentence: str, least: int, most: int) -> list[str]:
    """A sentence over `most` characters in two, after its first clause of at least `least`."""
    if len(sentence) <= most:
        return [sentence]
    for mark in _CLAUSE_END.finditer(sentence, least):
        rest = sentence[mark.end() :].strip()
        if rest:
            return [sentence[: mark.end()], rest]
    return [sentence]


def _says_something(piece: str) -> bool:
    """Whether there is a letter, a number or a symbol (emoji are symbols, and are spoken)."""
    return any(unicodedata.category(character)[0] in "LNS" for character in piece)


def _sentences(text: str) -> Iterator[str]:
    start = 0
    for mark in _SENTENCE_END.finditer(text):
        if _goes_on(text, mark):
            continue
        yield text[start : mark.end()]
        start = mark.end()
    yield text[start:]


def _goes_on(text: str, mark: re.Match[str]) -> bool:
    """A dot after an initial or a title ends no sentence, nor one before a small letter."""
    if mark.group() != ".":
        return False
    before = text[max(0, mark.end() - 8) : mark.end()]
    following = text[mark.end() : mark.end() + 2].lstrip()
    return bool(_ABBREVIATION.search(before)) or following[:1].islower()


def _cut_to(sentence: str, longest: int) -> Iterator[str]:
    if any(unicodedata.east_asian_width(character) in "WF" for character in sentence):
        longest = max(1, longest // SYLLABLE)
    while len(sentence) > longest:
        end = _last_break(sentence[: longest + 1], longest)
        yield sentence[:end].strip()
        sentence = sentence[end:].strip()
    yield sentence


def _last_break(head: str, longest: int) -> int:
    clauses = [mark.end() for mark in _CLAUSE_END.finditer(head, longest // 4)]
    if clauses and clauses[-1] <= longest:
        return clauses[-1]
    space = head.rfind(" ", 1)
    return space if space > 0 else longest
