"""Who sits in which slot: streams are seated, stepped together, heard from, and let go."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from gpu_worker.batching.slots import Slots
from gpu_worker.batching.vocoder import Stretch, decode

if TYPE_CHECKING:
    from collections.abc import Iterable

    from gpu_worker.batching.transformer import Weights
    from gpu_worker.batching.utterances import Sound, Stream
    from gpu_worker.batching.vocoder import Decoder, Window

FIRST, LATER = 40, 174  # frames a window: the first sound early, the rest with little overlap


@dataclass(frozen=True, slots=True)
class Shape:
    """How large a batch is, and how many steps lie between two looks at what was made."""

    slots: int
    longest_prefix: int
    look_every: int = 1

    def __post_init__(self) -> None:
        if self.slots < 1:
            raise ValueError(f"a batch of {self.slots} slots")


@dataclass(slots=True)
class Seat:
    """A stream in its slot."""

    stream: Stream
    stretch: Stretch
    made: int = 0  # tokens
    ended: bool = False
    skip: int = 0  # samples that were given before the batch was begun anew


class Floor:
    """All slots and who sits in them. One thread's own."""

    def __init__(self, weights: Weights, decoder: Decoder, shape: Shape) -> None:
        self._weights, self._decoder, self._shape = weights, decoder, shape
        self._slots = Slots(weights, shape.slots, shape.longest_prefix)
        self._seats: dict[int, Seat] = {}

    @property
    def full(self) -> bool:
        return len(self._seats) == self._slots.count

    @property
    def streams(self) -> list[Stream]:
        return [seat.stream for seat in self._seats.values()]

    def prepare(self) -> None:
        self._slots.prepare()

    def seat(self, stream: Stream) -> None:
        """Into the lowest free slot: a step takes the slots up to the highest one in use."""
        slot = next(slot for slot in range(self._slots.count) if slot not in self._seats)
        asked = stream.utterance
        stretch = Stretch(self._decoder, asked.speaker, asked.speed)
        self._seats[slot] = Seat(stream, stretch, skip=stream.given)
        self._slots.begin(slot, asked.prefix, asked.sampling)

    def dismiss(self, stream: Stream) -> None:
        """It never came to sit."""
        self._seats = {slot: one for slot, one in self._seats.items() if one.stream is not stream}

    def go_on(self) -> None:
        """Some steps for all that sit, then whatever sound is sure by now."""
        for _ in range(self._shape.look_every):
            self._slots.step(max(self._seats) + 1)
        self._look()
        self._sound([one for one in self._seats.items() if not one[1].stream.given])
        self._sound([one for one in self._seats.items() if one[1].stream.given])
        self._let_go()

    def _look(self) -> None:
        stops = self._slots.stops()
        for slot, seat in self._seats.items():
            most = seat.stream.utterance.most or self._weights.longest
            ends = min(most, stops[slot] + 1 if stops[slot] >= 0 else most)
            seat.made = min(self._slots.made(slot), ends)
            seat.ended = seat.made == ends

    def _sound(self, seats: Iterable[tuple[int, Seat]]) -> None:
        cut = [(seat, window) for slot, seat in seats for window in self._windows(slot, seat)]
        sounds = decode(self._decoder, [window for _, window in cut])
        for (seat, _), sound in zip(cut, sounds, strict=True):
            _give(seat, sound.float().cpu().numpy())

    def _windows(self, slot: int, seat: Seat) -> list[Window]:
        frames = LATER if seat.stream.given else FIRST
        if seat.stream.left or not (seat.ended or seat.made >= seat.stretch.tokens_for(frames)):
            return []
        latents = self._slots.latents[slot, : seat.made]
        return seat.stretch.cut(latents, frames, ended=seat.ended)

    def _let_go(self) -> None:
        for slot, seat in list(self._seats.items()):
            if seat.ended or seat.stream.left:
                del self._seats[slot]
                self._slots.rest(slot)
                seat.stream.end()


def _give(seat: Seat, sound: Sound) -> None:
    """What was given before the batch was begun anew is not given twice."""
    fresh = sound[min(seat.skip, len(sound)) :]
    seat.skip -= len(sound) - len(fresh)
    if len(fresh):
        seat.stream.give(fresh)
