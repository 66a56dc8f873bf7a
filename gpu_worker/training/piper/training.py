"""A Piper voice from a data set: from a base, from scratch, or from where it was ended."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from gpu_worker.training.keeping import Checkpoints, load_weights, remove_partials
from gpu_worker.training.piper.repairs import give_alignment

give_alignment()

import lightning  # noqa: E402 - the repair comes first
import torch  # noqa: E402
from lightning.fabric.plugins.environments.lightning import LightningEnvironment  # noqa: E402

from gpu_worker.training.piper import network  # noqa: E402
from gpu_worker.training.piper.clips import Clips, sample_rate_of  # noqa: E402
from gpu_worker.training.piper.export import export  # noqa: E402
from gpu_worker.training.piper.progress import Progress, SafeFiles, step_of  # noqa: E402
from synthesis_worker.languages import canonical_tag  # noqa: E402

if TYPE_CHECKING:
    from pathlib import Path

    from piper.train.vits.lightning import VitsModel

    from gpu_worker.training.telling import Task, Teller


def train_voice(task: Task, teller: Teller, scratch: Path) -> None:
    remove_partials(task.work)
    model, done = _begin(task)
    clips = Clips(task, teller, scratch, done, model.hparams)
    progress = Progress(task, teller, Checkpoints(task.work, task.checkpoint_seconds, teller))
    if done >= task.steps:  # it was ended between its last step and its voice
        teller.started(done, task.steps)
        clips.prepare_data()  # type: ignore[no-untyped-call]
    trainer = _trainer(task, progress)
    trainer.fit(model, datamodule=clips, ckpt_path=task.resume)
    if teller.stopping and step_of(trainer.global_step) > done:
        teller.stopped()
        return
    voice = task.work / "voice.onnx"
    export(model, _config(task, clips), voice, scratch)
    teller.done(step_of(trainer.global_step), voice, progress.losses)


def _begin(task: Task) -> tuple[VitsModel, int]:
    """The network, and how many steps it has behind it. What is resumed needs its base no more."""
    if task.resume:
        ended = load_weights(task.resume, code="checkpoint_damaged")
        return _build(task, network.sizes_of(ended)), step_of(ended["global_step"])
    if task.base is None:
        return _build(task, {"sample_rate": sample_rate_of(task.data)}), 0
    base = load_weights(task.base, code="base_damaged")
    model = _build(task, network.sizes_of(base))
    network.begin_from(model, base)
    return model, 0


def _build(task: Task, sizes: dict[str, Any]) -> VitsModel:
    return network.build({**sizes, **task.network}, batch=task.batch, seed=task.seed)


def _trainer(task: Task, progress: Progress) -> lightning.Trainer:
    """With nothing of its own on the disk, and no look at the machine around it."""
    torch.set_float32_matmul_precision("high")  # as Piper trains: TF32 where a card has it
    torch.backends.cudnn.allow_tf32 = True
    name, _, number = task.device.partition(":")
    return lightning.Trainer(
        accelerator="cpu" if name == "cpu" else "gpu",
        devices=1 if name == "cpu" else [int(number or 0)],
        max_epochs=-1,
        max_steps=task.steps * 2,
        limit_val_batches=0,
        num_sanity_val_steps=0,
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        use_distributed_sampler=False,
        default_root_dir=task.work,
        plugins=[LightningEnvironment(), SafeFiles()],
        callbacks=[progress],
    )


def _config(task: Task, clips: Clips) -> dict[str, Any]:
    settings = clips.piper_config
    assert settings  # noqa: S101 - written while the clips were prepared
    return {
        **settings.to_dict(),
        "hop_length": clips.hop_length,
        "language": {"code": canonical_tag(task.language)},
    }
