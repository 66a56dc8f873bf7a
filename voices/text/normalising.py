"""A customer's text as a voice should read it."""

from __future__ import annotations

from voices.text.cleaning import clean
from voices.text.english import speak_english
from voices.text.languages import primary_language, writes_month_first


def normalise(text: str, language: str) -> str:
    """Clean text, and in English everything written short in words.

    Other languages keep their numbers and abbreviations: their engines know them better.
    """
    cleaned = clean(text)
    if primary_language(language) != "en":
        return cleaned
    return speak_english(cleaned, month_first=writes_month_first(language))
