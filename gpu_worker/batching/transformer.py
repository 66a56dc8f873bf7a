"""The decoder's own loop over the model's weights: one static cache, one row a slot."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from torch.nn import functional

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Tensor, nn

STRIDE = 128  # attention reads whole strides of the cache: few shapes, few graphs


@dataclass(frozen=True, slots=True)
class Weights:
    """What is taken of the model. Nothing is copied."""

    blocks: Sequence[Any]  # GPT-2's: ln_1, attn.c_attn, attn.c_proj, ln_2, mlp
    norms: tuple[nn.Module, nn.Module]  # after the last block, one after the other
    head: nn.Linear
    tokens: nn.Embedding
    positions: nn.Embedding
    heads: int
    start: int
    stop: int
    longest: int  # tokens that can be made at the most

    @property
    def width(self) -> int:
        return self.tokens.embedding_dim


class Cache:
    """Keys and values: [layer, key or value, slot, head, position, width of a head]."""

    def __init__(self, weights: Weights, slots: int, length: int) -> None:
        sample = weights.tokens.weight
        self.length = -(-length // STRIDE) * STRIDE
        shape = (len(weights.blocks), 2, slots, weights.heads, self.length)
        self.rows = sample.new_zeros(*shape, weights.width // weights.heads)


class Transformer:
    """Runs the model for some slots: first what an utterance begins with, then a token a step."""

    def __init__(self, weights: Weights, cache: Cache) -> None:
        self.weights, self.cache = weights, cache
        device = weights.tokens.weight.device
        self._places = torch.arange(cache.length, device=device)
        self._slots = torch.arange(cache.rows.shape[2], device=device)

    def begin(self, slot: int, prefix: Tensor) -> None:
        """Read the prefix [length, width] into the slot's rows of the cache."""
        count, state = len(prefix), prefix[None]
        self.cache.rows[:, :, slot] = 0  # a mask hides numbers, and not what is none
        for layer, block in enumerate(self.weights.blocks):
            query, key, value = self._attend_to(block, state)
            self.cache.rows[layer, 0, slot, :, :count] = key[0]
            self.cache.rows[layer, 1, slot, :, :count] = value[0]
            heard = functional.scaled_dot_product_attention(query, key, value, is_causal=True)
            state = self._leave(block, state, heard)

    def step(self, states: Tensor, place: Tensor, length: int) -> Tensor:
        """What follows `states` [slots, width] at each slot's `place`; looks at `length` places."""
        count, state = len(states), states[:, None]
        mask = (self._places[:length] <= place[:, None])[:, None, None]
        for layer, block in enumerate(self.weights.blocks):
            query, key, value = self._attend_to(block, state)
            rows = self.cache.rows[layer, :, :count]
            rows[0, self._slots[:count], :, place] = key[:, :, 0]
            rows[1, self._slots[:count], :, place] = value[:, :, 0]
            heard = functional.scaled_dot_product_attention(
                query, rows[0, :, :, :length], rows[1, :, :, :length], attn_mask=mask
            )
            state = self._leave(block, state, heard)
        first, second = self.weights.norms
        found: Tensor = second(first(state))[:, 0]
        return found

    def _attend_to(self, block: Any, state: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Query, key and value: [batch, head, length, width of a head]."""
        made = block.attn.c_attn(block.ln_1(state))
        query, key, value = (self._by_head(one) for one in made.chunk(3, dim=-1))
        return query, key, value

    def _by_head(self, state: Tensor) -> Tensor:
        batch, length, _ = state.shape
        return state.view(batch, length, self.weights.heads, -1).transpose(1, 2)

    def _leave(self, block: Any, state: Tensor, heard: Tensor) -> Tensor:
        state = state + block.attn.c_proj(heard.transpose(1, 2).flatten(2))
        left: Tensor = state + block.mlp(block.ln_2(state))
        return left
