"""Whether a customer's text can be spoken at all, and the errors that say why not.

TextError
  x EmptyTextError              text_empty
  x TextTooLongError            text_too_long
  x ControlCharacterError       text_control_characters
  x TextEncodingError           text_encoding
  x SsmlUnsupportedError        ssml_unsupported
"""

from __future__ import annotations

import re

from voices.text.cleaning import clean

_WRONG_ENCODING = re.compile("[\ud800-\udfff\ufffd]")
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]")
# Tags that mean something in SSML and nothing in HTML; `<3` and `a < b` are no tags.
_SSML = re.compile(
    r"</?(?:speak|break|prosody|emphasis|say-as|phoneme|voice|lexicon|"
    r"(?:amazon|mstts|google):[a-z-]{1,30})(?:[\s/][^<>]*+)?>",
    re.IGNORECASE,
)


class TextError(ValueError):
    """A text that cannot be spoken. `code` is stable, `message` says what to do."""

    code = "text_invalid"

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


class EmptyTextError(TextError):
    code = "text_empty"


class TextTooLongError(TextError):
    code = "text_too_long"
    status = 413


class ControlCharacterError(TextError):
    code = "text_control_characters"


class TextEncodingError(TextError):
    code = "text_encoding"


class SsmlUnsupportedError(TextError):
    code = "ssml_unsupported"


def check_text(text: str, max_characters: int) -> None:
    """Raise a TextError unless the text can be spoken. The cheapest checks come first."""
    _check_length(text, max_characters)
    _check_encoding(text)
    _check_controls(text)
    _check_markup(text)
    if not is_speakable(clean(text)):
        raise EmptyTextError("The text has nothing to speak. Send at least one letter or digit.")


def is_speakable(text: str) -> bool:
    """Whether there is anything to say: one letter or digit of any script."""
    return any(map(str.isalnum, text))


def _check_length(text: str, max_characters: int) -> None:
    if len(text) > max_characters:
        raise TextTooLongError(
            f"The text has {len(text):,} characters and at most {max_characters:,} are taken. "
            "Send it in parts."
        )


def _check_encoding(text: str) -> None:
    if found := _WRONG_ENCODING.search(text):
        raise TextEncodingError(
            f"Character {found.start() + 1} (U+{ord(found[0]):04X}) is what a text read in the "
            "wrong encoding leaves behind. Send UTF-8."
        )


def _check_controls(text: str) -> None:
    if found := _CONTROL.search(text):
        raise ControlCharacterError(
            f"Character {found.start() + 1} is the control character U+{ord(found[0]):04X}. "
            "Remove it; of these only tab and line breaks are taken."
        )


def _check_markup(text: str) -> None:
    if found := _SSML.search(text):
        raise SsmlUnsupportedError(
            f"SSML is not supported yet: remove {found[0][:40]!r} and its like, and send plain "
            "text."
        )
