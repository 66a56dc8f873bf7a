"""From hidden states to sound by windows: each frame is decoded once, with what lies around it.

A window is as exact as decoding the whole at once, as far as a device adds alike at all sizes (a
card does not quite), so a stream costs no more than a file. Windows of one size are decoded
together, whoever they belong to.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch.nn import functional

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Tensor, nn

AROUND = 12  # frames on each side that a frame's sound depends on, to one part in a million
# The last frames of a stretch that goes on lean on what is not there yet: 3 at the usual speed. Of
# slow speech they are 7; the first of those are but the far end of what is around a frame.
UNSURE = 4
TOGETHER = 16  # windows at once


@dataclass(frozen=True, slots=True)
class Decoder:
    """What is taken of the model."""

    generator: nn.Module  # frames [batch, width, frames] and `g` to sound [batch, 1, samples]
    scales: tuple[float, ...]  # latents are stretched by these, one after the other
    hop: int  # samples a frame


@dataclass(frozen=True, slots=True)
class Window:
    """Frames to be decoded, of which those in the middle are wanted."""

    frames: Tensor  # [width, frames]
    speaker: Tensor  # [width, 1]
    skip: int
    wanted: int


class Stretch:
    """The frames of one utterance, cut into windows as they become sure."""

    def __init__(self, decoder: Decoder, speaker: Tensor, speed: float = 1.0) -> None:
        self._scales = decoder.scales if speed == 1.0 else (1 / speed, *decoder.scales)
        self._speaker, self._done = speaker, 0

    def tokens_for(self, frames: int) -> int:
        """How many latents are needed until that many more frames are sure."""
        most = self._done + frames + AROUND + UNSURE
        for scale in reversed(self._scales):
            most = int(most / scale) + 1
        return most

    def cut(self, latents: Tensor, frames: int, *, ended: bool) -> list[Window]:
        """Windows of `frames`; at the end also what is left, which reaches back for its fellows."""
        sound = self._stretch(latents)
        sure = sound.shape[1] if ended else sound.shape[1] - UNSURE - AROUND
        windows = []
        while sure - self._done >= frames:
            windows.append(self._window(sound, self._done + frames, frames))
        if ended and self._done < sure:
            windows.append(self._window(sound, sure, frames))
        return windows

    def _stretch(self, latents: Tensor) -> Tensor:
        sound = latents.T[None]
        for scale in self._scales:
            least = 1 / sound.shape[2]  # a single frame at double speed would be none
            sound = functional.interpolate(sound, scale_factor=[max(scale, least)], mode="linear")
        return sound[0]

    def _window(self, sound: Tensor, until: int, frames: int) -> Window:
        """All windows but an utterance's first and a short one's last have the same size."""
        right = min(until + AROUND, sound.shape[1])
        left = max(0, min(self._done - AROUND, right - frames - 2 * AROUND))
        window = Window(sound[:, left:right], self._speaker, self._done - left, until - self._done)
        self._done = until
        return window


@torch.inference_mode()
def decode(decoder: Decoder, windows: Sequence[Window]) -> list[Tensor]:
    """The sound of each, in their order."""
    by_size: defaultdict[int, list[int]] = defaultdict(list)
    for index, window in enumerate(windows):
        by_size[window.frames.shape[1]].append(index)
    found: dict[int, Tensor] = {}
    for alike in by_size.values():
        for begin in range(0, len(alike), TOGETHER):
            some = alike[begin : begin + TOGETHER]
            found |= zip(some, _decode_alike(decoder, [windows[one] for one in some]), strict=True)
    return [found[index] for index in range(len(windows))]


def _decode_alike(decoder: Decoder, windows: Sequence[Window]) -> list[Tensor]:
    frames = torch.stack([window.frames for window in windows])
    speakers = torch.stack([window.speaker for window in windows])
    sound = decoder.generator(frames, g=speakers)[:, 0]
    spans = [(window.skip, window.skip + window.wanted) for window in windows]
    hop = decoder.hop
    return [one[a * hop : b * hop] for one, (a, b) in zip(sound, spans, strict=True)]
