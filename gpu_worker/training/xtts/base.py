"""The model that is taught: the package's own trainer over a local folder, which stays as it is."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from gpu_worker.engines.xtts.stock import FILES, coqui, read_weights
from gpu_worker.training.keeping import load_weights
from gpu_worker.training.telling import TrainingFailed

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

DVAE, STATISTICS = "dvae.pth", "mel_stats.pth"
LONGEST_SOUND, LONGEST_TEXT = 255_995, 200  # samples and tokens a clip: as its makers trained it
RATE = 22_050
# As its makers publish for teaching it a voice. Norms and biases do not decay.
LEARNING_RATE = 5e-6
ADAM = {"betas": [0.9, 0.96], "eps": 1e-8, "weight_decay": 1e-2}


def build(folder: Path, device: str, network: Mapping[str, Any]) -> Any:
    """The trainer's model of the folder, on the device, with only the GPT ready to learn."""
    _check_files(folder)
    try:
        model = _trainer(folder, network)
        _load(model, folder)
    except TrainingFailed:
        raise
    except Exception as error:  # pickle, JSON, tokenizers and torch have no base in common
        raise _damaged(folder) from error
    model.to(device).eval()
    model.xtts.gpt.train()
    return model


def _check_files(folder: Path) -> None:
    missing = [name for name in (*FILES, DVAE, STATISTICS) if not (folder / name).is_file()]
    if missing:
        raise TrainingFailed(
            f"To train XTTS, {folder.name} lacks {', '.join(missing)}; see docs/models.md.",
            code="model_missing",
        )


def _trainer(folder: Path, network: Mapping[str, Any]) -> Any:
    xtts = coqui()
    from TTS.tts.layers.xtts.trainer.gpt_trainer import GPTArgs, GPTTrainer, GPTTrainerConfig

    if "vocoder" in network:
        narrow = partial(xtts.HifiDecoder, upsample_initial_channel_decoder=network["vocoder"])
        xtts.HifiDecoder = narrow
    config = xtts.XttsConfig()
    config.load_json(str(folder / "config.json"))
    arguments = GPTArgs(**{**config.model_args.to_dict(), **_additions(folder, config.model_args)})
    return GPTTrainer(
        GPTTrainerConfig(
            model_args=arguments,
            audio=config.audio,
            lr=LEARNING_RATE,
            optimizer="AdamW",
            optimizer_params=ADAM,
            optimizer_wd_only_on_weights=True,
        )
    )


def _additions(folder: Path, arguments: Any) -> dict[str, Any]:
    """No checkpoint is named: the trainer would write to where it lies, or take half of one."""
    return {
        "gpt_checkpoint": "",
        "xtts_checkpoint": "",
        "dvae_checkpoint": str(folder / DVAE),
        "mel_norm_file": str(folder / STATISTICS),
        "tokenizer_file": str(folder / "vocab.json"),
        "max_wav_length": min(
            LONGEST_SOUND, (arguments.gpt_max_audio_tokens - 2) * arguments.gpt_code_stride_len
        ),
        "max_text_length": min(LONGEST_TEXT, arguments.gpt_max_text_tokens),
    }


def _load(model: Any, folder: Path) -> None:
    """The trainer takes a code book that is half there; its codes would be chance."""
    codes = load_weights(folder / DVAE, code="base_damaged")
    needed = [
        name for name in model.dvae.state_dict() if name.startswith(("encoder.", "codebook."))
    ]
    if not codes.keys() >= set(needed):
        raise _damaged(folder)
    weights = read_weights(folder / "model.pth")
    model.xtts.load_state_dict({name: weights[name] for name in model.xtts.state_dict()})


def _damaged(folder: Path) -> TrainingFailed:
    return TrainingFailed(
        f"{folder.name} is no XTTS model that can be trained; install the model again.",
        code="base_damaged",
    )
