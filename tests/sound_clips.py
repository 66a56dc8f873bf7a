"""A labelled set of clips: one voice, two voices, no voice; one half to tune on, one to check."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from synthesis_worker.contract import Waveform
from tests.sound_files import STORY, speech

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

Samples = npt.NDArray[np.floating]
Half = tuple[list[str], list[tuple[str, str]], "Mapping[str, Callable[[], Samples]]"]

RATE = 24_000
SECONDS = 12
TIME = np.arange(SECONDS * RATE) / RATE

STORIES = {
    "de": "Einst stritten sich Nordwind und Sonne, wer von ihnen beiden wohl der Stärkere wäre, "
    "als ein Wanderer, der in einen warmen Mantel gehüllt war, des Weges daherkam. Sie wurden "
    "einig, dass derjenige für den Stärkeren gelten sollte, der ihm den Mantel abnehmen würde.",
    "fr": "La bise et le soleil se disputaient, chacun assurant qu'il était le plus fort, quand "
    "ils ont vu un voyageur qui s'avançait, enveloppé dans son manteau. Ils sont tombés d'accord "
    "que celui qui arriverait le premier à le lui faire ôter serait regardé comme le plus fort.",
    "es": "El viento norte y el sol porfiaban sobre cuál de ellos era el más fuerte, cuando acertó "
    "a pasar un viajero envuelto en ancha capa. Convinieron en que quien antes lograra obligar al "
    "viajero a quitarse la capa sería considerado más poderoso.",
    "it": "Si bisticciavano un giorno il vento di tramontana e il sole, l'uno pretendendo d'esser "
    "più forte dell'altro, quando videro un viaggiatore, che veniva innanzi avvolto nel mantello.",
    "ru": "Однажды северный ветер и солнце поспорили, кто из них сильнее. Как раз в это время они "
    "заметили закутанного в плащ путника, который продвигался по дороге, и порешили, что тот "
    "будет считаться самым сильным, кому раньше удастся заставить его снять плащ.",  # noqa: RUF001
    "cmn": "有一回北风跟太阳在那儿争论谁的本领大。说着说着来了一个过路的，身上穿了一件厚袍子。"  # noqa: RUF001
    "他们俩就商量好了，说谁能先叫这个过路的把他的袍子脱下来，就算谁的本领大。",  # noqa: RUF001
    "pt": "O vento norte e o sol discutiam qual dos dois era o mais forte, quando surgiu um "
    "viajante envolvido numa capa. Combinaram que o primeiro a conseguir obrigar o viajante a "
    "tirar a capa seria considerado o mais forte.",
    "nl": "De noordenwind en de zon hadden een discussie over de vraag wie van hun tweeën de "
    "sterkste was, toen er juist iemand voorbijkwam die een dikke, warme jas aanhad.",
    "cs": "Severák a slunce se jednou hádali, kdo z nich je silnější. V tom spatřili pocestného, "
    "který kráčel zahalen pláštěm. Ujednali tedy, že ten se má považovat za silnějšího, kdo první "
    "dokáže, aby si pocestný plášť svlékl.",
}


@cache
def voice(model: str) -> Samples:
    language = model.partition("+")[0].partition("-")[0]
    return speech(model, STORIES.get(language, STORY)).samples


def one_after_the_other(one: str, other: str) -> Samples:
    return np.concatenate([_part(one, 0, 7), _pause(0.25), _part(other, 7, 14)])


def by_turns(one: str, other: str) -> Samples:
    """Three turns each, of three seconds or less."""
    turns = [
        part
        for turn in range(3)
        for part in (_part(one, 3 * turn, 3), _pause(0.2), _part(other, 3 * turn, 3), _pause(0.2))
    ]
    return np.concatenate(turns)


def _part(model: str, start: float, seconds: float) -> Samples:
    return np.resize(voice(model), 24 * RATE)[int(start * RATE) : int((start + seconds) * RATE)]


def _pause(seconds: float) -> Samples:
    return np.zeros(int(seconds * RATE))


def tone(frequency: float, overtones: int = 1) -> Samples:
    whole = sum(np.sin(2 * np.pi * frequency * n * TIME) / n for n in range(1, overtones + 1))
    return np.asarray(0.2 * whole)


def chord(*frequencies: float, overtones: int = 1) -> Samples:
    return np.asarray(sum(tone(one, overtones) for one in frequencies) / len(frequencies))


def melody(*notes: float, seconds: float = 0.4, overtones: int = 1, decay: float = 0.0) -> Samples:
    """Notes one after the other, each struck and fading or held."""
    inside = TIME[: int(seconds * RATE)]
    edge = np.minimum(1, np.minimum(inside, inside[-1] - inside) / 0.01)
    shape = edge * np.exp(-decay * inside)
    played = [tone(note, overtones)[: len(inside)] * shape for note in notes]
    return np.resize(np.concatenate(played), SECONDS * RATE)


def drum(every: float, decay: float, *, skin: bool) -> Samples:
    """A snare is noise; the skin of a tom falls in pitch as it fades."""
    inside = TIME[: int(every * RATE)]
    falling = np.sin(2 * np.pi * (60 + 80 * np.exp(-30 * inside)) * inside)
    hit = falling if skin else _chance().normal(size=len(inside))
    return np.resize(0.4 * hit * np.exp(-decay * inside), SECONDS * RATE)


def band(*notes: float, beat: float) -> Samples:
    """Two instruments and a snare in turn: it changes as speech does, but its notes hold still."""
    flute, organ = (melody(*notes, seconds=beat, overtones=n) for n in (2, 25))
    snare = drum(beat, 30, skin=False)
    turn = (TIME / beat).astype(int) % 3
    return np.choose(turn, [flute, organ, snare])


def white() -> Samples:
    return 0.1 * _chance().normal(size=SECONDS * RATE)


def pink() -> Samples:
    spectrum = np.fft.rfft(white())
    spectrum[1:] /= np.sqrt(np.arange(1, len(spectrum)))
    sound = np.fft.irfft(spectrum, SECONDS * RATE)
    return np.asarray(0.1 * sound / sound.std())


def hum(mains: float) -> Samples:
    return chord(mains, 2 * mains, 3 * mains)


def trembling(sound: Samples, rate: float) -> Samples:
    return np.asarray(sound * (0.5 + 0.5 * np.sin(2 * np.pi * rate * TIME)))


def singing_saw(frequency: float, depth: float, rate: float) -> Samples:
    """A violin's vibrato, held for ever."""
    pitch = frequency * (1 + depth * np.sin(2 * np.pi * rate * TIME))
    phase = 2 * np.pi * np.cumsum(pitch) / RATE
    return np.asarray(sum(np.sin(n * phase) / n for n in range(1, 10)) * 0.15)


def _chance() -> np.random.Generator:
    return np.random.default_rng(4)


def as_sound(samples: Samples) -> Waveform:
    return Waveform(np.clip(samples, -1, 1).astype(np.float32), RATE)


SCALE = (261.6, 293.7, 329.6, 349.2, 392.0, 440.0, 493.9, 523.3)
BASS = (110.0, 130.8, 146.8, 164.8, 196.0)

TUNED: Half = (
    ["en-us", "en-us+f3", "en-us+m3", "en-gb+f1", "de", "fr-fr+f2", "es+m5", "it", "ru+f4", "cmn"],
    [
        ("en-us", "en-us+f3"),
        ("en-us+m3", "en-gb+f1"),
        ("de", "fr-fr+f2"),
        ("it", "ru+f4"),
        ("en-us", "en-us+f4"),
    ],
    {
        "tone of 440 Hz": lambda: tone(440),
        "tone of 120 Hz": lambda: tone(120),
        "rich tone": lambda: tone(150, 12),
        "chord": lambda: chord(261.6, 329.6, 392.0),
        "rich chord": lambda: chord(130.8, 164.8, 196.0, overtones=12),
        "scale": lambda: melody(*SCALE),
        "piano": lambda: melody(*SCALE, seconds=0.3, overtones=10, decay=6),
        "bass": lambda: melody(*BASS, seconds=0.25, overtones=10, decay=4),
        "band": lambda: band(*BASS, beat=0.12),
        "snare": lambda: drum(0.5, 60, skin=False),
        "tom": lambda: drum(0.35, 20, skin=True),
        "white noise": white,
        "pink noise": pink,
        "hum of 50 Hz": lambda: hum(50),
        "noise that trembles": lambda: trembling(white(), 4),
        "vibrato": lambda: singing_saw(200, 0.03, 5),
    },
)

CHECKED: Half = (
    [
        *("en-us+m4", "en-us+m7", "en-us+Annie", "en-us+Denis", "en-us+Hugo", "en-us+shelby"),
        *("en-gb-scotland+f5", "pt-br+f3", "nl", "cs", "de+m6"),
    ],
    [
        ("en-us+m4", "en-us+Annie"),
        ("en-us+Hugo", "en-us+shelby"),
        ("nl", "pt-br+f3"),
        ("cs", "en-gb-scotland+f5"),
        ("de+m6", "fr-fr+f4"),
    ],
    {
        "tone of 1 kHz": lambda: tone(1000),
        "tone of 90 Hz": lambda: tone(90),
        "rich tone": lambda: tone(233, 20),
        "chord": lambda: chord(220.0, 277.2, 329.6),
        "rich chord": lambda: chord(110.0, 138.6, 220.0, overtones=10),
        "scale downwards": lambda: melody(*SCALE[::-1], seconds=0.2),
        "piano": lambda: melody(*SCALE[::2], seconds=0.5, overtones=8, decay=4),
        "bass": lambda: melody(*BASS[::-1], seconds=0.2, overtones=12, decay=8),
        "band": lambda: band(*BASS[::-1], *SCALE[:3], beat=0.1),
        "snare": lambda: drum(0.25, 100, skin=False),
        "tom": lambda: drum(0.5, 12, skin=True),
        "white noise, softly": lambda: white() / 8,
        "pink noise, softly": lambda: pink() / 3,
        "hum of 60 Hz": lambda: hum(60),
        "noise that trembles": lambda: trembling(pink(), 6),
        "vibrato": lambda: singing_saw(310, 0.05, 6),
        "vibrato that trembles": lambda: trembling(singing_saw(180, 0.04, 5.5), 3),
    },
)
