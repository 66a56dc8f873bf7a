"""The network to train: its sizes, and the weights of the voice that it begins from."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from piper.train.vits.lightning import VitsModel

from gpu_worker.training.piper.repairs import shrink_discriminator
from gpu_worker.training.telling import TrainingFailed

if TYPE_CHECKING:
    from collections.abc import Mapping

SIZES = (
    "resblock", "resblock_kernel_sizes", "resblock_dilation_sizes",
    "upsample_rates", "upsample_initial_channel", "upsample_kernel_sizes",
    "filter_length", "hop_length", "win_length", "mel_channels",
    "inter_channels", "hidden_channels", "filter_channels", "n_heads", "n_layers", "kernel_size",
    "n_layers_q", "use_sdp", "segment_size", "sample_rate", "num_symbols", "num_speakers",
)  # fmt: skip
LARGEST = 48_000  # a sample rate is the largest of them
VOICE, JUDGE = "model_g.", "model_d."


def sizes_of(checkpoint: Mapping[str, Any]) -> dict[str, Any]:
    """What a checkpoint says of its network; nothing that would build something boundless."""
    said = checkpoint.get("hyper_parameters") or {}
    sizes = {name: said[name] for name in SIZES if said.get(name) is not None}
    if not all(_is_sane(size) for size in sizes.values()):
        raise _unfit("the sizes that it tells are no voice's")
    if sizes.get("num_speakers", 1) > 1:
        raise _unfit("it speaks with several speakers")
    return sizes


def build(sizes: Mapping[str, Any], *, batch: int, seed: int) -> VitsModel:
    """Without the measure of quality that Piper would fetch from the network and run."""
    sizes = dict(sizes)
    if sizes.pop("discriminator", None) == "small":
        shrink_discriminator()
    torch.manual_seed(seed)
    return VitsModel(batch_size=batch, mos_metric=None, **sizes)


def begin_from(model: VitsModel, base: Mapping[str, Any]) -> None:
    """The voice's weights all fit or it is no base; the judge beside them is used where it fits."""
    weights, own = base.get("state_dict"), model.state_dict()
    if not isinstance(weights, dict):
        raise _unfit("there are no weights in it")
    voice, judge = _part(weights, VOICE), _part(weights, JUDGE)
    if not _fit(voice, _part(own, VOICE)):
        raise _unfit("its network has other sizes")
    if not all(torch.isfinite(weight).all() for weight in voice.values()):
        raise _unfit("some of its weights are no numbers")
    fitting = judge if _fit(judge, _part(own, JUDGE)) else {}
    model.load_state_dict({**own, **voice, **fitting})


def _part(weights: Mapping[str, Any], prefix: str) -> dict[str, torch.Tensor]:
    return {name: weight for name, weight in weights.items() if name.startswith(prefix)}


def _fit(weights: Mapping[str, torch.Tensor], own: Mapping[str, torch.Tensor]) -> bool:
    return weights.keys() == own.keys() and all(
        weights[name].shape == own[name].shape for name in own
    )


def _is_sane(size: Any) -> bool:
    if isinstance(size, (list, tuple)):
        return len(size) <= 8 and all(_is_sane(part) for part in size)  # noqa: PLR2004
    if isinstance(size, str):  # "2", or lists as text
        return len(size) <= 100  # noqa: PLR2004
    return isinstance(size, int) and 0 <= size <= LARGEST


def _unfit(why: str) -> TrainingFailed:
    return TrainingFailed(
        f"This base cannot be trained on: {why}. Choose a Piper checkpoint of one speaker and"
        " of the quality that the voice shall have, or train without a base.",
        code="base_unfit",
    )
