"""What clones of all engines have in common: samples with sound in them, and the file kept."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.torch import load, save

from synthesis_worker.contract import SpeechError, Unsupported

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from torch import Tensor

    from synthesis_worker.contract import Waveform

SILENT = 1e-3  # peak: about -60 dBFS
FACTS = "voicemill"


def check_audible(samples: Sequence[Waveform]) -> None:
    if not samples:
        raise SpeechError("Cloning needs a sample.", code="sample_missing")
    for sample in samples:
        if not np.isfinite(sample.samples).all():
            raise SpeechError("A sample holds what is no number.", code="sample_damaged")
        if np.abs(sample.samples).max(initial=0.0) < SILENT:
            raise SpeechError("A sample is silent.", code="sample_silent")


def pack(
    tensors: Mapping[str, Tensor],
    engine: str,
    digest: str,
    samples: Sequence[Waveform],
    **more: object,
) -> bytes:
    """The artifact's bytes: the same samples give the same."""
    facts = {
        "engine": engine,
        "model": digest,
        "samples": [hashlib.sha256(one.samples.tobytes()).hexdigest() for one in samples],
        **more,
    }
    return save(
        {name: tensor.cpu().contiguous() for name, tensor in tensors.items()},
        metadata={FACTS: json.dumps(facts, sort_keys=True)},
    )


def unpack(
    data: bytes, engine: str, digest: str, shapes: Mapping[str, tuple[int, ...]]
) -> list[Tensor]:
    return pick(read(data, engine, digest), shapes)


def read(data: bytes, engine: str, digest: str) -> dict[str, Tensor]:
    """Refuses what another model has heard: it would be another speaker's voice."""
    try:
        tensors, facts = load(data), facts_of(data)
        told = facts["engine"], facts["model"]
    except (SafetensorError, KeyError, ValueError, TypeError) as error:
        raise damaged() from error
    if told != (engine, digest):
        raise Unsupported(
            "The voice was cloned with another model; clone it again.", code="artifact_outdated"
        )
    return tensors


def pick(tensors: Mapping[str, Tensor], shapes: Mapping[str, tuple[int, ...]]) -> list[Tensor]:
    """Those of these names, each whole."""
    if not shapes.keys() <= tensors.keys():
        raise damaged()
    wanted = [tensors[name] for name in shapes]
    if not all(map(_is_whole, wanted, shapes.values())):
        raise damaged()
    return wanted


def facts_of(data: bytes) -> dict[str, Any]:
    facts: dict[str, Any] = json.loads(json.loads(header_of(data))["__metadata__"][FACTS])
    return facts


def header_of(data: bytes) -> bytes:
    return data[8 : 8 + int.from_bytes(data[:8], "little")]


def _is_whole(tensor: Tensor, shape: tuple[int, ...]) -> bool:
    return tensor.shape == shape and tensor.dtype == torch.float32 and bool(tensor.isfinite().all())


def damaged() -> SpeechError:
    return SpeechError(
        "The voice's file is damaged; clone or train it again.", code="artifact_damaged"
    )
