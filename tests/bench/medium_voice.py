"""Writes a Piper voice of the medium size with random weights: what it says is noise, what it costs
is real. Runs where torch and piper-tts are: `python medium_voice.py FOLDER/NAME.onnx`."""

from __future__ import annotations

import json
import math
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import torch

# The wheel lacks this compiled part. Only training calls it, and importing the network asks for it.
ALIGNMENT = "piper.train.vits.monotonic_align.monotonic_align.core"

SAMPLE_RATE = 22_050
SYMBOLS = 256
FRAMES_PER_ID = 3.0  # of 256 samples; an id comes with a pad, so 70 ms a phoneme, as people speak
HUGE = 20.0

MEDIUM: dict[str, Any] = {
    "n_vocab": SYMBOLS,
    "spec_channels": 513,
    "segment_size": 32,
    "inter_channels": 192,
    "hidden_channels": 192,
    "filter_channels": 768,
    "n_heads": 2,
    "n_layers": 6,
    "kernel_size": 3,
    "p_dropout": 0.1,
    "resblock": "2",
    "resblock_kernel_sizes": (3, 5, 7),
    "resblock_dilation_sizes": ((1, 2), (2, 6), (3, 12)),
    "upsample_rates": (8, 8, 4),
    "upsample_initial_channel": 256,
    "upsample_kernel_sizes": (16, 16, 8),
}


class Speaker(torch.nn.Module):
    """The network with the inputs and the output Piper's runtime knows."""

    def __init__(self, network: Any) -> None:
        super().__init__()
        self.network = network

    def forward(self, ids: Any, lengths: Any, scales: Any) -> Any:
        noise, length, noise_w = scales[0], scales[1], scales[2]
        audio = self.network.infer(
            ids, lengths, noise_scale=noise, length_scale=length, noise_scale_w=noise_w
        )[0]
        return audio.unsqueeze(1)


def build_network() -> Any:
    """Random weights, the same each time, and durations that do not depend on them."""
    core = ModuleType(ALIGNMENT)
    core.maximum_path_c = None  # type: ignore[attr-defined]
    sys.modules[ALIGNMENT] = core
    from piper.train.vits.models import SynthesizerTrn

    torch.manual_seed(0)
    network = SynthesizerTrn(**MEDIUM).eval()
    with torch.no_grad():
        network.dec.remove_weight_norm()
        pin_durations(network.dp.flows[0])
    return network


def pin_durations(last: Any) -> None:
    """The last step of the duration flow, z -> (z - m) / e^logs, made to forget z."""
    last.logs[0] = HUGE
    last.m[0] = -math.log(FRAMES_PER_ID) * math.exp(HUGE)


def export(network: Any, path: Path) -> None:
    """As Piper exports its own voices: opset 15, by tracing."""
    ids = torch.randint(1, 100, (1, 50))
    example = (ids, torch.LongTensor([50]), torch.FloatTensor([0.667, 1.0, 0.8]))
    torch.onnx.export(
        Speaker(network),
        example,
        str(path),
        opset_version=15,
        input_names=["input", "input_lengths", "scales"],
        output_names=["output"],
        dynamic_axes={
            "input": {0: "batch_size", 1: "phonemes"},
            "input_lengths": {0: "batch_size"},
            "output": {0: "batch_size", 2: "time"},
        },
        dynamo=False,
    )


def write_settings(path: Path) -> None:
    from piper.config import PhonemeType, PiperConfig
    from piper.phoneme_ids import DEFAULT_PHONEME_ID_MAP

    settings = PiperConfig(
        num_symbols=SYMBOLS,
        num_speakers=1,
        sample_rate=SAMPLE_RATE,
        espeak_voice="en-us",
        phoneme_id_map=DEFAULT_PHONEME_ID_MAP,
        phoneme_type=PhonemeType.ESPEAK,
    )
    path.write_text(json.dumps(settings.to_dict()), encoding="utf-8")


def main(path: Path) -> None:
    """The model last, under its name only when it is whole."""
    path.parent.mkdir(parents=True, exist_ok=True)
    half = path.with_suffix(".half")
    write_settings(path.with_name(path.name + ".json"))
    export(build_network(), half)
    half.rename(path)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
