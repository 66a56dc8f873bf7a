"""Drawing the next token of many utterances at once, each by its own dials and its own chance.

Chance is a hash of (seed, step, token), so that an utterance sounds the same beside any others.
"""

from __future__ import annotations

import hashlib
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from torch import Tensor

WORD = 0xFFFFFFFF
STEP, TOKEN, MIX = 0x9E3779B1, 0x85EBCA77, 0x45D9F3B  # odd, with bits all over
NEVER = float("-inf")


@dataclass(frozen=True, slots=True)
class Sampling:
    """How one utterance's tokens are drawn. `top_k` 1 takes the likeliest."""

    temperature: float = 0.75
    top_k: int = 50
    top_p: float = 0.85
    repetition_penalty: float = 5.0
    length_penalty: float = 1.0  # above 1 the end is drawn less readily, below 1 more so
    seed: int = 0  # its last 64 bits count


def seed_of(asked: int, piece: int) -> int:
    """Of 64 bits: no piece of what was asked with any other seed draws alike."""
    return int.from_bytes(hashlib.sha256(f"{asked} {piece}".encode()).digest()[:8])


class Sampler:
    """The dials of all slots, as tensors on the device."""

    def __init__(self, slots: int, tokens: int, stop: int, device: torch.device) -> None:
        self._ids, self._stop = torch.arange(tokens, device=device), stop
        self.temperature = torch.ones(slots, 1, device=device)
        self.top_k = torch.ones(slots, 1, dtype=torch.long, device=device)
        self.top_p = torch.ones(slots, 1, device=device)
        self.penalty = torch.ones(slots, 1, device=device)
        self.reluctance = torch.zeros(slots, device=device)
        self.seed = torch.zeros(slots, 2, dtype=torch.long, device=device)
        self.seen = torch.zeros(slots, tokens, dtype=torch.bool, device=device)

    def set(self, slot: int, sampling: Sampling, seen: list[int]) -> None:
        """A new utterance begins in the slot; of the last one nothing is left."""
        self.temperature[slot] = sampling.temperature
        self.top_k[slot] = sampling.top_k or len(self._ids)
        self.top_p[slot] = sampling.top_p
        self.penalty[slot] = sampling.repetition_penalty
        self.reluctance[slot] = math.log(sampling.length_penalty)
        self.seed[slot, 0] = sampling.seed & WORD
        self.seed[slot, 1] = sampling.seed >> 32 & WORD
        self.seen[slot] = False
        self.seen[slot, seen] = True

    def draw(self, logits: Tensor, step: Tensor) -> Tensor:
        """The token of each of the first slots, which is seen from now on."""
        count = len(logits)
        scores = self._scores(logits.float())
        ordered, ids = scores.sort(dim=-1, descending=True, stable=True)
        kept = self._keep(ordered)
        chance = self._chance(self.seed[:count], step[:count, None]).gather(1, ids)
        best = (ordered + chance).masked_fill(~kept, NEVER).argmax(-1, keepdim=True)
        token = ids.gather(1, best)
        self.seen[:count].scatter_(1, token, value=True)
        return token[:, 0]

    def _scores(self, logits: Tensor) -> Tensor:
        count = len(logits)
        penalty = self.penalty[:count]
        weaker = torch.where(logits < 0, logits * penalty, logits / penalty)
        scores = torch.where(self.seen[:count], weaker, logits)
        scores[:, self._stop] -= self.reluctance[:count]
        return scores / self.temperature[:count]

    def _keep(self, ordered: Tensor) -> Tensor:
        """The first `top_k`, and of these as many as make up `top_p`; always one."""
        count = len(ordered)
        within = self._ids < self.top_k[:count]
        share = ordered.masked_fill(~within, NEVER).softmax(-1)
        before = share.cumsum(-1) - share
        kept = within & (before < self.top_p[:count])
        return kept | (self._ids == 0)

    def _chance(self, seed: Tensor, step: Tensor) -> Tensor:
        """Gumbel noise: the largest score plus this is a fair draw."""
        low, high = seed[:, :1], seed[:, 1:]
        word = _mix(_mix(low ^ (step * STEP & WORD)) ^ high)
        word = _mix(word ^ (self._ids * TOKEN & WORD))
        uniform = (word.double() + 0.5) / (WORD + 1)
        return -torch.log(-torch.log(uniform)).float()


def _mix(word: Tensor) -> Tensor:
    """Every bit of 32 depends on every other."""
    for _ in range(2):
        word = ((word >> 16) ^ word) * MIX & WORD
    return (word >> 16) ^ word
