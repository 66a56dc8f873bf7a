"""Steps recorded once for each shape, then replayed: a card is asked once a step and not by kernel.

The shapes are few: slots in powers of two, lengths in strides.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from torch import Tensor

WARM = 3  # runs before a recording: libraries choose their kernels in these


class Replay:
    """Calls `advance(slots, length)`, which touches nothing but tensors, by its recording.

    Warming up does the step for real: what a second doing would change is in `state`, and is put
    back.
    """

    def __init__(self, advance: Callable[[int, int], None], state: Sequence[Tensor]) -> None:
        self._advance, self._state = advance, state
        self._recorded: dict[tuple[int, int], torch.cuda.CUDAGraph] = {}
        self._pool = torch.cuda.graph_pool_handle()
        self._side = torch.cuda.Stream()  # type: ignore[no-untyped-call]

    def __call__(self, slots: int, length: int) -> None:
        self.prepare(slots, length)
        self._recorded[slots, length].replay()

    def prepare(self, slots: int, length: int) -> None:
        if (slots, length) not in self._recorded:
            self._warm(slots, length)
            self._recorded[slots, length] = self._record(slots, length)

    def _warm(self, slots: int, length: int) -> None:
        before = [tensor.clone() for tensor in self._state]
        self._side.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(self._side):
            for _ in range(WARM):
                self._advance(slots, length)
                for tensor, kept in zip(self._state, before, strict=True):
                    tensor.copy_(kept)
        torch.cuda.current_stream().wait_stream(self._side)

    def _record(self, slots: int, length: int) -> torch.cuda.CUDAGraph:
        graph, before = torch.cuda.CUDAGraph(), torch.cuda.current_stream()
        try:
            with torch.cuda.graph(
                graph, self._pool, stream=self._side, capture_error_mode="thread_local"
            ):
                self._advance(slots, length)
        finally:  # where the end of a recording fails, torch leaves its stream the thread's own
            torch.cuda.set_stream(before)
        return graph


def round_up(slots: int, most: int) -> int:
    """To a power of two."""
    return min(1 << (slots - 1).bit_length(), most)


def shapes(slots: int, length: int, stride: int) -> list[tuple[int, int]]:
    """All there are. The largest first, whose memory the others then share."""
    counts = {round_up(count, slots) for count in range(1, slots + 1)}
    lengths = range(stride, length + 1, stride)
    return [(count, long) for count in sorted(counts, reverse=True) for long in reversed(lengths)]


def on_card(device: torch.device) -> bool:
    return device.type == "cuda"
