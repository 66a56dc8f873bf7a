"""gruut's reading of English. Its lexicon is held in memory: on disk no word of it has an index."""

from __future__ import annotations

import sqlite3
import threading
from contextlib import closing
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING

import gruut
from gruut.phonemize import SqlitePhonemizer
from gruut.utils import remove_non_word_chars

if TYPE_CHECKING:
    from typing import Any

LANGUAGE = "en-us"
TRIED = (  # in the stead of a word that is not in the lexicon, as gruut does it
    str.lower,
    remove_non_word_chars,
    lambda word: remove_non_word_chars(word.lower()),
)


_OF_THREAD = threading.local()


def words_of(sentence: str) -> list[Any]:
    """For each sentence that gruut finds in it: its words, breaks among them."""
    reader = _reader()
    return list(reader.sentences(*reader(sentence, lang=LANGUAGE)))


def _reader() -> gruut.TextProcessor:
    """One for each thread, as gruut has it; the lexicon is of all."""
    if not hasattr(_OF_THREAD, "reader"):
        look_up = SqlitePhonemizer(_lexicon(), word_transform_funcs=TRIED)
        _OF_THREAD.reader = gruut.TextProcessor(
            LANGUAGE, model_prefix="espeak", lookup_phonemes=look_up
        )
    reader: gruut.TextProcessor = _OF_THREAD.reader
    return reader


@cache
def _lexicon() -> sqlite3.Connection:
    held = sqlite3.connect(":memory:", check_same_thread=False)
    place = files("gruut_lang_en").joinpath("espeak", "lexicon.db")
    with closing(sqlite3.connect(str(place))) as published:
        published.backup(held)
    held.execute("CREATE INDEX words ON word_phonemes (word)")
    return held
