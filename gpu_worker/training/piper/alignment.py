"""Which frames of a clip belong to which of its phonemes: the likeliest monotonic path."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numba
import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray


def align(
    paths: NDArray[np.int32],
    scores: NDArray[np.float32],
    frames: NDArray[np.int32],
    tokens: NDArray[np.int32],
) -> None:
    """Write a 1 into `paths` at every (clip, frame, token) of the path with the highest score.

    A path begins at the first token, ends at the last, and from frame to frame it stays or goes
    on by one. `frames` and `tokens` say how much of the padded arrays each clip fills.
    """
    for clip in range(len(paths)):
        _align_one(paths[clip], scores[clip, : frames[clip], : tokens[clip]])


def _align(path: Any, scores: Any) -> None:
    """`total[token + 1]` is the best score that ends at a token; `total[0]` is before them all."""
    frames, tokens = scores.shape
    went_on = np.zeros((frames, tokens), np.bool_)
    total = np.full(tokens + 1, -np.inf, np.float32)
    total[0] = 0.0
    for frame in range(frames):
        for token in range(tokens - 1, -1, -1):
            went_on[frame, token] = total[token] > total[token + 1]
            total[token + 1] = max(total[token], total[token + 1]) + scores[frame, token]
        total[0] = -np.inf
    token = tokens - 1
    for frame in range(frames - 1, -1, -1):
        path[frame, token] = 1
        if token and went_on[frame, token]:
            token -= 1


_align_one = numba.njit(_align)
