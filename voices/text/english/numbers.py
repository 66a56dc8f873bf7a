"""English words for numbers."""

from __future__ import annotations

# fmt: off
_SMALL = [
    "zero", "one", "two", "three", "four", "five", "six",
    "seven", "eight", "nine", "ten", "eleven", "twelve", "thirteen",
    "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen",
]
_TENS = [
    "", "", "twenty", "thirty", "forty", "fifty", "sixty",
    "seventy", "eighty", "ninety",
]
# fmt: on
_SCALES = ((10**12, "trillion"), (10**9, "billion"), (10**6, "million"), (1000, "thousand"))
_ORDINALS = {
    "one": "first",
    "two": "second",
    "three": "third",
    "five": "fifth",
    "eight": "eighth",
    "nine": "ninth",
    "twelve": "twelfth",
}
_HUNDRED, _THOUSAND, _TEN_THOUSAND = 100, 1000, 10_000
_LONGEST = 15

# A number as it is written, thousands separators and decimals included.
NUMBER = r"(?:[0-9]{1,3}(?:,[0-9]{3})++(?![0-9])|[0-9]++)(?:\.[0-9]++)?"
# A number begins here: not within a word, not after a decimal point.
START = r"(?<!\w)(?<![0-9]\.)"


def cardinal(number: int) -> str:
    """`105` as `one hundred and five`, below a thousand trillions."""
    for size, name in _SCALES:
        if number >= size:
            head, rest = divmod(number, size)
            return f"{cardinal(head)} {name}{_remainder(rest)}"
    if number >= _HUNDRED:
        return f"{_SMALL[number // _HUNDRED]} hundred{_remainder(number % _HUNDRED)}"
    return _below_hundred(number)


def ordinal(number: int) -> str:
    """`21` as `twenty-first`."""
    words = cardinal(number)
    cut = max(words.rfind(" "), words.rfind("-")) + 1
    head, last = words[:cut], words[cut:]
    if last.endswith("y"):
        return f"{head}{last[:-1]}ieth"
    return head + _ORDINALS.get(last, f"{last}th")


def digits(number: str) -> str:
    """Each digit by itself; whatever is no ASCII digit is left out."""
    return " ".join(_SMALL[ord(digit) - 48] for digit in number if "0" <= digit <= "9")


def year(number: int) -> str:
    """`1999` as `nineteen ninety-nine`, `2004` as `two thousand and four`."""
    century, rest = divmod(number, _HUNDRED)
    if number % _THOUSAND in range(10) or number not in range(_THOUSAND, _TEN_THOUSAND):
        return cardinal(number)
    return f"{cardinal(century)} {two_digits(rest) if rest else 'hundred'}"


def two_digits(number: int) -> str:
    """A number below a hundred as it follows an hour or a century: `oh five`, `forty-five`."""
    return f"oh {_SMALL[number]}" if number in range(10) else _below_hundred(number)


def spoken(number: str) -> str:
    """`1,234.50` as words. Leading zeros and very long numbers are read digit by digit."""
    whole, _, decimals = number.replace(",", "").partition(".")
    words = _whole(whole)
    return f"{words} point {digits(decimals)}".lstrip() if decimals else words


def plural(word: str) -> str:
    """`six` as `sixes`, `twenty` as `twenties`."""
    if word.endswith("y"):
        return f"{word[:-1]}ies"
    return f"{word}es" if word.endswith("x") else f"{word}s"


def _whole(number: str) -> str:
    if len(number) > _LONGEST or (number.startswith("0") and number != "0"):
        return digits(number)
    return cardinal(int(number)) if number else ""


def _remainder(rest: int) -> str:
    if not rest:
        return ""
    return f" {'and ' if rest < _HUNDRED else ''}{cardinal(rest)}"


def _below_hundred(number: int) -> str:
    if number < len(_SMALL):
        return _SMALL[number]
    tens, rest = divmod(number, 10)
    return f"{_TENS[tens]}-{_SMALL[rest]}" if rest else _TENS[tens]
