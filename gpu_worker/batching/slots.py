"""The state of all slots on the device, and one step of them all."""

from __future__ import annotations

import logging
from time import monotonic
from typing import TYPE_CHECKING

import torch

from gpu_worker.batching.replay import Replay, on_card, round_up, shapes
from gpu_worker.batching.sampling import Sampler
from gpu_worker.batching.transformer import STRIDE, Cache, Transformer

if TYPE_CHECKING:
    from torch import Tensor

    from gpu_worker.batching.sampling import Sampling
    from gpu_worker.batching.transformer import Weights

log = logging.getLogger(__name__)

FILLER = 1  # stock XTTS fills the prefix's places with token 1, and so has seen it


class Slots:
    """Places for `count` utterances, each with room for a prefix and for tokens."""

    def __init__(self, weights: Weights, count: int, longest_prefix: int) -> None:
        device, self.weights, self.count = weights.tokens.weight.device, weights, count
        self.cache = Cache(weights, count, longest_prefix + weights.longest)
        self._transformer = Transformer(weights, self.cache)
        self._sampler = Sampler(count, weights.tokens.num_embeddings, weights.stop, device)
        self._token = torch.zeros(count, dtype=torch.long, device=device)
        self._made = torch.zeros(count, dtype=torch.long, device=device)
        self._place = torch.zeros(count, dtype=torch.long, device=device)
        self._stop = torch.full((count,), -1, dtype=torch.long, device=device)
        self._rows = torch.arange(count, device=device)
        self.latents = torch.zeros(count, weights.longest, weights.width, device=device)
        self._run = self.advance
        if on_card(device):
            state = (self._token, self._made, self._place, self._stop, self._sampler.seen)
            self._run = Replay(self.advance, state)
        self._far: dict[int, int] = {}  # the slots in use, and how far their cache is filled
        self._steps = [0] * count

    def prepare(self) -> None:
        """Record every kind of step, before anybody waits for one."""
        if not isinstance(self._run, Replay):
            return
        began, kinds = monotonic(), shapes(self.count, self.cache.length, STRIDE)
        for slots, length in kinds:
            self._run.prepare(slots, length)
        log.info("recorded %d kinds of step in %.1f s", len(kinds), monotonic() - began)

    def begin(self, slot: int, prefix: Tensor, sampling: Sampling) -> None:
        weights = self.weights
        self._transformer.begin(slot, prefix.to(weights.tokens.weight))
        self._sampler.set(slot, sampling, [FILLER, weights.start])
        self._token[slot], self._made[slot], self._stop[slot] = weights.start, 0, -1
        self._place[slot] = self._far[slot] = len(prefix)
        self._steps[slot] = 0

    def rest(self, slot: int) -> None:
        """Nobody needs the slot any more: what a step does to it is not looked at."""
        del self._far[slot]

    def made(self, slot: int) -> int:
        """How many tokens the slot has."""
        return self._steps[slot]

    def stops(self) -> list[int]:
        """At which token each slot has stopped; -1 where it goes on. Waits for the device."""
        found: list[int] = self._stop.tolist()
        return found

    def step(self, slots: int) -> None:
        """One token more for each of the first `slots` slots, in use or not."""
        if isinstance(self._run, Replay):
            slots = round_up(slots, self.count)
        far = max(self._far.values()) + 1
        length = min(-(-far // STRIDE) * STRIDE, self.cache.length)
        self._run(slots, length)
        for slot in self._far:
            self._far[slot] = min(self._far[slot] + 1, self.cache.length - 1)
            self._steps[slot] = min(self._steps[slot] + 1, self.weights.longest)

    def advance(self, slots: int, length: int) -> None:
        """The device's part of a step: it touches nothing but tensors, so it can be replayed."""
        weights, rows = self.weights, self._rows[:slots]
        made, place = self._made[:slots], self._place[:slots]
        states = weights.tokens(self._token[:slots]) + weights.positions(made)
        hidden = self._transformer.step(states, place, length)
        self.latents[rows, made] = hidden.float()
        token = self._sampler.draw(weights.head(hidden), made)
        first = (token == weights.stop) & (self._stop[:slots] < 0)
        self._stop[:slots] = torch.where(first, made, self._stop[:slots])
        self._token[:slots] = token
        made.add_(1).clamp_(max=weights.longest - 1)
        place.add_(1).clamp_(max=self.cache.length - 1)
