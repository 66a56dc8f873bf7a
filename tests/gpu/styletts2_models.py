"""A small StyleTTS2 model of the real make: random weights, saved as the published ones are."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
import yaml
from munch import munchify

from gpu_worker.engines.styletts2.convert import convert
from gpu_worker.engines.styletts2.engine import StyleTts2Engine
from gpu_worker.engines.styletts2.stock import SPEAKING, networks
from synthesis_worker.contract import Waveform
from tests.environment import FOLDER

if TYPE_CHECKING:
    from pathlib import Path

QUICK, CLONING = (
    "istftnet",
    "hifigan",
)  # the decoder of the published model that clones is the latter
CHECKPOINT = "epochs_2nd_00020.pth"
BERT: dict[str, Any] = {
    "vocab_size": 178,
    "hidden_size": 16,
    "embedding_size": 8,
    "num_attention_heads": 1,
    "intermediate_size": 16,
    "max_position_embeddings": 512,
    "num_hidden_layers": 1,
    "dropout": 0.1,
}
DECODERS: dict[str, dict[str, Any]] = {
    "hifigan": {"upsample_rates": [2, 2], "upsample_kernel_sizes": [4, 4]},
    "istftnet": {
        "upsample_rates": [2, 2],
        "upsample_kernel_sizes": [4, 4],
        "gen_istft_n_fft": 300,
        "gen_istft_hop_size": 75,
    },
}
DIFFUSION = {
    "embedding_mask_proba": 0.1,
    "transformer": {"num_layers": 1, "num_heads": 1, "head_features": 8, "multiplier": 1},
    "dist": {"sigma_data": 0.2, "estimate_sigma_data": True, "mean": -3.0, "std": 1.0},
}


@dataclass(frozen=True)
class Small:
    """A model: as published, as converted, and as the package itself has it in memory."""

    published: Path
    folder: Path
    stock: Any


@cache
def small_model(decoder: str) -> Small:
    """Made once: it takes seconds and a quarter of a gigabyte."""
    place = FOLDER / "styletts2" / decoder
    stock = random_networks(model_parameters(decoder))
    published = write_published(place / "published", stock, decoder)
    folder = convert(published, place / "converted", unknown=True).parent
    return Small(published, folder, stock)


@cache
def small_engine(decoder: str) -> StyleTts2Engine:
    engine = StyleTts2Engine(small_model(decoder).folder, accepted=True)
    engine.load()
    return engine


@cache
def small_voice(decoder: str) -> bytes:
    return small_engine(decoder).clone([speech()], lambda _: None).data


def speech(seconds: float = 4.0, *, pitch: float = 120.0, rate: int = 24_000) -> Waveform:
    """A hum that swells and fades as speech does, silent at its ends."""
    moments = np.arange(round(seconds * rate)) / rate
    swell = np.sin(np.pi * moments * round(seconds) / seconds) ** 2
    hum = sum(np.sin(2 * np.pi * part * pitch * moments) / part for part in range(1, 20))
    return Waveform((0.2 * hum * swell).astype(np.float32), rate)


def write_published(folder: Path, stock: Any, decoder: str) -> Path:
    """A folder laid out as its makers publish it, pickles and all."""
    write_settings(folder, settings(model_parameters(decoder)))
    saved = {
        name: {f"module.{key}": value for key, value in stock[name].state_dict().items()}
        for name in SPEAKING
    }
    saved["bert"]["module.embeddings.position_ids"] = torch.arange(512)[None]
    saved["text_aligner"] = {"module.unused": torch.ones(3)}
    training: dict[str, Any] = {
        "schedule": {}.get
    }  # a bound method, which is pickled as a call of getattr
    torch.save({"net": saved, "epoch": 20, "optimizer": training}, folder / CHECKPOINT)
    return folder


def write_settings(folder: Path, asked: dict[str, Any]) -> None:
    reader = folder / "Utils" / "PLBERT"
    reader.mkdir(parents=True)
    (reader / "config.yml").write_text(yaml.safe_dump({"model_params": BERT}))
    (folder / "config.yml").write_text(yaml.safe_dump(asked))


def model_parameters(decoder: str) -> dict[str, Any]:
    common = {
        "type": decoder,
        "resblock_kernel_sizes": [3],
        "resblock_dilation_sizes": [[1, 3, 5]],
        "upsample_initial_channel": 512,
    }
    return {
        "multispeaker": True,
        "dim_in": 4,
        "hidden_dim": 512,
        "max_conv_dim": 512,
        "n_layer": 1,
        "n_mels": 80,
        "n_token": 178,
        "max_dur": 4,
        "style_dim": 128,
        "dropout": 0.0,
        "decoder": common | DECODERS[decoder],
        "slm": {"model": "none", "sr": 16000, "hidden": 8, "nlayers": 2, "initial_channel": 4},
        "diffusion": DIFFUSION,
    }


def settings(parameters: dict[str, Any]) -> dict[str, Any]:
    spectrum = {"n_fft": 2048, "win_length": 1200, "hop_length": 300}
    return {
        "PLBERT_dir": "Utils/PLBERT/",
        "ASR_path": "Utils/ASR/epoch_00080.pth",
        "preprocess_params": {"sr": 24000, "spect_params": spectrum},
        "model_params": parameters,
    }


def random_networks(parameters: dict[str, Any], seed: int = 0) -> Any:
    """Built by the package, as its users have them."""
    models = networks()
    from styletts2.Utils.PLBERT.util import CustomAlbert
    from transformers import AlbertConfig

    with torch.random.fork_rng(), warnings.catch_warnings(action="ignore"):
        torch.manual_seed(seed)
        reader = CustomAlbert(AlbertConfig(**BERT))
        built = models.build_model(munchify(parameters), None, None, reader)
        _calm(built)
    for name in SPEAKING:
        built[name].eval()
    return built


@torch.no_grad()
def _calm(built: Any) -> None:
    """Random weights that give sound: spectral norms that have converged, a soft last layer."""
    for name in ("style_encoder", "predictor_encoder"):
        built[name].train()
        for _ in range(20):
            built[name](torch.randn(1, 1, 80, 96))
    built["decoder"].generator.conv_post.weight_g.mul_(0.2)
