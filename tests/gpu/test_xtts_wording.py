"""Texts of seventeen languages become tokens, whatever is in them; no error of upstream's leaks."""

from __future__ import annotations

import re
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gpu_worker.engines.xtts.stock import coqui
from gpu_worker.engines.xtts.wording import LONGEST, Wording
from synthesis_worker.contract import SpeechError
from tests.gpu.xtts_models import write_vocabulary

pytestmark = [pytest.mark.filterwarnings("ignore"), pytest.mark.timeout(300)]

MOST = 402
SAID = {
    "en": "On 2 May 2024 at 10:45, the 1st of 1,234 guests paid $12.50 or 20€.",
    "de": "Am 2. Mai 2024 um 10:45 zahlte der 1. von 1.234 Gästen 12,50 € oder $20.",
    "fr": "Le 1er mai 2024 à 10h45, 1 234 invités ont payé 12,50 € ou $20.",
    "es": "El 2 de mayo de 2024, el 1º de 1.234 pagó 12,50 € o $20.",
    "it": "Il 2 maggio 2024 il 1° di 1.234 ospiti ha pagato 12,50€ o $20.",
    "pt": "Em 2 de maio de 2024, o 1º de 1.234 pagou 12,50€ ou $20.",
    "pl": "Dnia 2.05.2024 o 10:45 zapłacono 12,50€ albo $20, czyli 1.234 razy.",
    "tr": "2 Haziran 2024, saat 10:45: 1. konuk 12,50€ ya da $20 ödedi.",
    "ru": "2 мая 2024 года в 10:45 1-й из 1,234 заплатил 12,50€ или $20.",
    "nl": "Op 2 mei 2024 om 10:45 betaalde de 1ste van 1.234 gasten €12,50 of $20.",
    "cs": "Dne 2. 5. 2024 v 10:45 zaplatil 1. z 1.234 hostů 12,50€ nebo $20.",
    "ar": "في 2 مايو 2024 دفع 1,234 ضيفا 12.50€ أو $20.",
    "zh": "2024年5月2日10:45第1位客人付了12.50€或$20。",
    "hu": "2024. május 2-án 10:45-kor az 1. vendég 12,50€-t vagy $20-t fizetett.",
    "ko": "2024년 5월 2일 10:45에 1번째 손님이 12.50€ 또는 $20를 냈다.",
    "ja": "2024年5月2日10:45に、1番目の客が12.50€か$20を払った。",
    "hi": "2 मई 2024 को 1ला अतिथि ने 12.50€ या $20 दिए।",
}
NUMBERS = ("9" * 60, "1" * 240, "0." + "9" * 200, "$" + "9" * 70, "9" * 100 + "th", "50.", "1.2.3")


@pytest.fixture(scope="module")
def wording(tmp_path_factory: pytest.TempPathFactory) -> Wording:
    vocabulary = tmp_path_factory.mktemp("vocabulary") / "vocab.json"
    write_vocabulary(vocabulary)
    coqui()
    from TTS.tts.layers.xtts.tokenizer import VoiceBpeTokenizer

    return Wording(VoiceBpeTokenizer(vocabulary), MOST)


def test_there_is_a_text_of_every_language() -> None:
    assert set(SAID) == set(LONGEST)


@pytest.mark.parametrize("language", SAID)
def test_dates_money_and_numbers_are_read_in_every_language(
    wording: Wording, language: str
) -> None:
    pieces = wording.read(SAID[language], language)
    assert pieces
    assert all(1 < len(tokens) < MOST for tokens in pieces)


@pytest.mark.parametrize("language", SAID)
@pytest.mark.parametrize("number", NUMBERS)
def test_numbers_that_no_language_has_words_for_are_read_all_the_same(
    wording: Wording, language: str, number: str
) -> None:
    pieces = wording.read(number, language)
    assert all(1 < len(tokens) < MOST for tokens in pieces)


def test_a_number_upstream_cannot_read_is_read_digit_by_digit(wording: Wording) -> None:
    """And a Czech date without its ordinals."""
    assert wording.read("9" * 70, "es") == wording.read(" ".join("9" * 70), "es")
    assert wording.read("Dne 31. 12. 1999", "cs") == wording.read("Dne 31 . 12 . 1999", "cs")


class Counting:
    """A vocabulary that keeps the longest number it is given: upstream's time is its square."""

    longest = 0

    def encode(self, words: str, lang: str) -> list[int]:
        self.longest = max(self.longest, *map(len, re.findall("[0-9]+", words)))
        return [len(words), len(lang)]


def test_no_number_is_offered_that_takes_long_to_find_wordless() -> None:
    counting = Counting()
    Wording(counting, MOST).read("9" * 20_000 + " " + "8" * 24, "en")
    assert counting.longest == 24


CHARACTERS = st.text(
    st.one_of(st.sampled_from("0123456789.,-$€£%:/ºª@&#° ya日年가א"), st.characters())
)


@settings(max_examples=150, deadline=None)
@given(text=CHARACTERS, language=st.sampled_from(sorted(LONGEST)))
def test_any_text_is_read_unless_it_says_nothing(
    wording: Wording, text: str, language: str
) -> None:
    try:
        pieces = wording.read(text, language)
    except SpeechError as refused:
        pieces = []
        code = refused.code
    else:
        code = ""
    assert code in {"", "nothing_to_say"}
    assert all(0 < len(tokens) < MOST for tokens in pieces)


@pytest.mark.parametrize("language", ["en", "zh", "ja", "hi"])
@pytest.mark.parametrize("text", ["a" * 20_000, "9" * 3_000, "word " * 4_000, "日" * 3_000])
def test_a_word_without_end_comes_in_pieces(wording: Wording, text: str, language: str) -> None:
    pieces = wording.read(text, language)
    assert len(pieces) > 5
    assert max(map(len, pieces)) < MOST


def test_what_does_not_fit_even_alone_is_refused(wording: Wording) -> None:
    narrow = Wording(wording._tokenizer, 2)
    with pytest.raises(SpeechError) as refused:
        narrow.read("a", "en")
    assert (refused.value.code, refused.value.permanent) == ("text_too_long", True)


class Illiterate:
    """A vocabulary that fails at whatever it is given."""

    def encode(self, words: str, lang: str) -> list[int]:
        raise LookupError(words, lang)


def test_what_upstream_cannot_read_at_all_is_refused_by_a_code() -> None:
    with pytest.raises(SpeechError) as refused:
        Wording(Illiterate(), MOST).read("Hello.", "en")
    assert (refused.value.code, refused.value.permanent) == ("text_unreadable", True)


class Meeting:
    """A vocabulary that knows whether two threads were in it at once."""

    def __init__(self) -> None:
        self.barrier, self.met = threading.Barrier(2), False

    def encode(self, words: str, lang: str) -> list[int]:
        with suppress(threading.BrokenBarrierError):
            self.barrier.wait(timeout=0.5)
            self.met = True
        return [len(words), len(lang)]


def test_threads_do_not_read_each_others_numbers() -> None:
    """Upstream's reader of Arabic numbers keeps the one it is at in an object that all share."""
    meeting = Meeting()
    wording = Wording(meeting, MOST)
    with ThreadPoolExecutor(2) as pool:
        assert len(list(pool.map(lambda text: wording.read(text, "ar"), ["1", "2"]))) == 2
    assert not meeting.met


def test_nobodys_words_are_written_to_the_log(
    wording: Wording, caplog: pytest.LogCaptureFixture
) -> None:
    wording.read("secret " * 30, "zh")
    wording.read("9" * 200, "es")
    assert not caplog.records
