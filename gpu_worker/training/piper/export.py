"""A trained network as one ONNX file that any Piper speaks, its settings inside."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import onnx
import torch

from gpu_worker.training.keeping import write_whole

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from piper.train.vits.lightning import VitsModel

CONFIG = "piper_config"  # the property of the file that holds what lies beside other voices
OPSET = 15
TEXT = 50  # ids in the text it is traced with


class _Speaking(torch.nn.Module):
    """Text to sound by Piper's own names for what goes in and out."""

    def __init__(self, network: Any) -> None:
        super().__init__()
        self._network = network

    def forward(self, text: torch.Tensor, lengths: torch.Tensor, scales: torch.Tensor) -> Any:
        noise, length, noise_w = scales[0], scales[1], scales[2]
        sound, *_ = self._network.infer(
            text, lengths, noise_scale=noise, length_scale=length, noise_scale_w=noise_w
        )
        return sound.unsqueeze(1)


def export(model: VitsModel, config: Mapping[str, Any], file: Path, scratch: Path) -> None:
    """The model cannot be trained on after this."""
    traced = scratch / "traced.onnx"
    _trace(model, traced)
    network = onnx.load(traced)
    network.metadata_props.add(key=CONFIG, value=json.dumps(config, ensure_ascii=False))
    write_whole(file, lambda stream: stream.write(network.SerializeToString()))


def _trace(model: VitsModel, file: Path) -> None:
    """By the older exporter: the newer cannot follow Piper's network."""
    network = model.model_g.cpu().eval()
    network.dec.remove_weight_norm()  # type: ignore[no-untyped-call]
    text = torch.arange(TEXT).remainder(network.n_vocab).unsqueeze(0)
    with torch.no_grad():
        torch.onnx.export(
            _Speaking(network),
            (text, torch.tensor([TEXT]), torch.tensor([0.667, 1.0, 0.8])),
            file,
            dynamo=False,
            opset_version=OPSET,
            input_names=["input", "input_lengths", "scales"],
            output_names=["output"],
            dynamic_axes={
                "input": {0: "batch_size", 1: "phonemes"},
                "input_lengths": {0: "batch_size"},
                "output": {0: "batch_size", 2: "time"},
            },
        )
