"""Chance of a request's own: what the networks draw follows its seed, and nobody else's does."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch.overrides import TorchFunctionMode

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

DRAWS = (torch.rand, torch.randn, torch.randn_like)
SEEDS = 2**63


class OwnChance(TorchFunctionMode):
    """Within its block, in its thread alone, torch draws from this seed's generators.

    On a CPU that is what `torch.manual_seed` would make of it, and the global state stays as it is.
    """

    def __init__(self, seed: int) -> None:
        super().__init__()
        self._seed = seed % SEEDS
        self._generators: dict[torch.device, torch.Generator] = {}

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Sequence[type],
        args: Sequence[Any] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        given = dict(kwargs or {})
        if func in DRAWS:
            like = args[0].device if func is torch.randn_like else "cpu"
            given["generator"] = self._generator(torch.device(given.get("device", like)))
        return func(*args, **given)

    def _generator(self, device: torch.device) -> torch.Generator:
        if device not in self._generators:
            self._generators[device] = torch.Generator(device).manual_seed(self._seed)
        return self._generators[device]
