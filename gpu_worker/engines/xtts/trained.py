"""A trained voice: the model with its own weights and batch, beside what all voices share."""

from __future__ import annotations

from copy import deepcopy
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import torch

from gpu_worker.batching.batch import Batch
from gpu_worker.engines.cloned_voice import damaged
from gpu_worker.engines.xtts.parts import Loaded, Voice, decoder_of, weights_of
from gpu_worker.engines.xtts.voice import WEIGHTS, unpack_trained
from synthesis_worker.contract import EngineBusy

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from torch import Tensor


def invite(
    loaded: Loaded, data: bytes, dtype: torch.dtype, give_up: Callable[[], None] | None
) -> Voice:
    """Its weights in the place of the model's, on the same device, and slots of its own."""
    speaker, weights = unpack_trained(data, loaded.digest, loaded.width)
    own = own_model(loaded.model, weights)
    weights_here, decoder = weights_of(own, dtype), decoder_of(loaded.model)
    batch = Batch(weights_here, decoder, loaded.batch.shape, give_up)
    return Voice(replace(loaded, model=own, batch=batch), speaker)


@dataclass(frozen=True, slots=True)
class Own:
    """What is asked of a model to speak."""

    gpt: Any
    device: torch.device


def own_model(model: Any, weights: Mapping[str, Tensor]) -> Own:
    """A copy of what reads and decodes, with all its weights replaced."""
    try:
        gpt = _bare(deepcopy(model.gpt))
        gpt.load_state_dict({name.removeprefix(WEIGHTS): one for name, one in weights.items()})
    except torch.OutOfMemoryError as error:
        raise EngineBusy(
            f"The card has no memory left for a trained voice: {error}", code="no_memory"
        ) from error
    except RuntimeError as error:  # names and shapes that are not the model's
        raise damaged() from error
    return Own(gpt, model.device)


def _bare(gpt: Any) -> Any:
    """As it is trained: without what upstream adds for its own decoding."""
    del gpt.gpt_inference, gpt.gpt.wte
    return gpt
