"""English for signs: mathematics, addresses, and the marks people put around words."""

from __future__ import annotations

import re

from voices.text.english.tables import SYMBOLS, TOP_DOMAINS

_DECORATION = re.compile(r"={3,}+|\+{3,}+|~{2,}+|\^{2,}+|#{2,}+|-{3,}+")
_MINUS = re.compile(r"(?<=[0-9)]) - (?=[(]?[$£€]?[0-9.])|(?<=[0-9)])-(?=[(]?[0-9.]{1,15} ?=)")
_YEARS_APART = re.compile(
    r"(?<![\w.,])((?:1[1-9]|20)[0-9]{2}) - (?=(?:1[1-9]|20)[0-9]{2}(?![\w.,]))"
)
_TIMES = re.compile(r"(?<=[0-9)a-z]) ?[*\u00d7] ?(?=[0-9(a-z])")
_PLUS = re.compile(r"(?<=[\w)]) ?\+ ?(?=[\w(])|(?<!\S)\+(?=[0-9])")
_PLUS_AFTER = re.compile(r"(?<=[0-9A-Z])\+(?!\w)")
_EQUALS = re.compile(r" ?(!=|<=|>=|=>|==?|->) ?")
_LESS = re.compile(r"(?: ([<>]) |(?<=[0-9])([<>])|([<>]) ?(?=-?\.?[0-9]))(?=[-(.\w])")
_ABOUT = re.compile(r"(?<![\w~])~ ?(?=[$£€]?[0-9])")
_POWER = re.compile(r"(?<=[\w)])\^(?=[\w(-])")
_NUMBER_SIGN = re.compile(r"(?<!\w)#(?=[0-9])")
_HASHTAG = re.compile(r"(?<!\w)#(?=[^\W\d_])")
_SHARP = re.compile(r"\b([A-G])[#♯](?!\w)")
_PLUS_PLUS = re.compile(r"(?<=[A-Za-z])\+\+")
_AND = re.compile(r" ?(?<!\bAT)& ?")
_SLASH = re.compile(r"(?<=[^\W\d_])/(?=[^\W\d_])")
_WITH = re.compile(r"(?<![\w/])w/(o\b)? ?")
_MAIL = re.compile(r"(?<![\w.+-])([\w.+-]{1,64}) @ ([\w-]{1,63}(?:\.[\w-]{1,63})+)")
_HOST = re.compile(rf"(?<![\w.@-])(?:[A-Za-z0-9-]{{1,63}}\.){{1,6}}(?:{TOP_DOMAINS})(?![\w-]|\.\w)")
_HANDLE = re.compile(r"(?<!\w)@ ?(?=\w)|(?<=\w)@(?=\w)| @ ")
_RELATIONS = {
    "!=": " is not equal to ",
    "<=": " less than or equal to ",
    ">=": " greater than or equal to ",
    "=>": " to ",
    "->": " to ",
    "=": " equals ",
    "==": " equals ",
    "<": " less than ",
    ">": " greater than ",
}
_SYMBOLS = str.maketrans(SYMBOLS)
_ADDRESS_SIGNS = str.maketrans({".": " dot ", "-": " dash ", "+": " plus ", "_": " "})


def speak_mathematics(text: str) -> str:
    """Signs between numbers and names, while the numbers are still digits."""
    text = _NUMBER_SIGN.sub("number ", _DECORATION.sub(" ", text))
    text = _YEARS_APART.sub(r"\1 to ", text)
    text = _TIMES.sub(" times ", _MINUS.sub(" minus ", text))
    text = _EQUALS.sub(lambda found: _RELATIONS[found[1]], text)
    text = _LESS.sub(lambda found: _RELATIONS[found[0].strip()], text)
    text = _ABOUT.sub("about ", _POWER.sub(" to the power of ", text))
    text = _PLUS_PLUS.sub(" plus plus", text)
    return _PLUS_AFTER.sub(" plus", _PLUS.sub(" plus ", text))


def speak_addresses(text: str) -> str:
    """`joe @ x.com` as `joe at x dot com`, and the same for a host name."""
    if "@" in text:
        text = _MAIL.sub(_speak_mail, text)
    return _HOST.sub(lambda found: found[0].replace(".", " dot "), text)


def speak_signs(text: str) -> str:
    """`&`, `#`, `@`, `/` between words, and the symbols that have one name."""
    if "#" in text or "♯" in text:
        text = _SHARP.sub(r"\1 sharp", text)
        text = _HASHTAG.sub("hashtag ", text)
    if "&" in text:
        text = _AND.sub(" and ", text)
    if "@" in text:
        text = _HANDLE.sub(" at ", text)
    if "/" in text:
        text = _SLASH.sub(" ", _WITH.sub(_speak_with, text))
    return text if text.isascii() else text.translate(_SYMBOLS)


def _speak_mail(found: re.Match[str]) -> str:
    name, host = found[1].translate(_ADDRESS_SIGNS), found[2].replace(".", " dot ")
    return f"{name} at {host}".replace("  ", " ")


def _speak_with(found: re.Match[str]) -> str:
    return "without " if found[1] else "with "
