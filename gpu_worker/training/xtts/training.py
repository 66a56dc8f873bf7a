"""A training from its task to the voice's file."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import torch

from gpu_worker.engines.xtts.stock import digest_of
from gpu_worker.engines.xtts.voice import WEIGHTS, Hearing, Trained, hear, pack
from gpu_worker.training.dataset.report import REPORT
from gpu_worker.training.keeping import Checkpoints, remove_partials, write_whole
from gpu_worker.training.telling import Diverged, TrainingFailed
from gpu_worker.training.xtts.base import build
from gpu_worker.training.xtts.clips import check_language, read_clips
from gpu_worker.training.xtts.learner import Learner

if TYPE_CHECKING:
    from pathlib import Path

    from gpu_worker.training.telling import Task, Teller
    from gpu_worker.training.xtts.clips import Clips

ARTIFACT = "voice.safetensors"


def train_voice(task: Task, teller: Teller) -> None:
    check_language(task.language)
    if task.base is None:
        raise TrainingFailed("XTTS is taught from a base; name its folder.", code="model_missing")
    remove_partials(task.work)
    model = build(task.base, task.device, task.network)
    origin = _origin(task, task.base)
    clips = read_clips(task.data, task.language, model, task.seed)
    teller.left_out(clips.left_out)
    learner = Learner(model, clips, task.batch, origin)
    if task.resume:
        learner.resume(task.resume)
    if _learn(task, learner, teller):
        file = task.work / ARTIFACT
        facts = {**origin, "batch": task.batch, "steps": learner.step, "losses": learner.losses}
        data = finished(model, clips, facts)
        write_whole(file, lambda stream: stream.write(data))
        teller.done(learner.step, file, learner.losses)
    else:
        teller.stopped()


def _learn(task: Task, learner: Learner, teller: Teller) -> bool:
    """Whether it came to its end."""
    checkpoints = Checkpoints(task.work, task.checkpoint_seconds, teller)
    teller.started(learner.step, task.steps)
    while learner.step < task.steps:
        learner.learn()
        teller.step(learner.step, learner.losses)
        if teller.stopping or checkpoints.due:
            checkpoints.write(learner.step, learner.save)
        if teller.stopping:
            return False
    return True


def finished(
    model: Any, clips: Clips, facts: dict[str, Any], dtype: torch.dtype = torch.half
) -> bytes:
    """The voice as the engine takes it: heard by the very weights that are in the file."""
    gpt = model.xtts.gpt.eval()
    weights = {name: one.to(dtype) for name, one in gpt.state_dict().items()}
    if not all(one.isfinite().all() for one in weights.values()):
        raise Diverged(facts["steps"])
    gpt.load_state_dict(weights)
    samples, hearing = clips.heard(), Hearing()
    speaker = hear(model.xtts, samples, hearing)
    told = {**facts, "clips": len(clips.samples)}
    trained = Trained({WEIGHTS + name: one for name, one in weights.items()}, told)
    return pack(speaker, facts["base"], samples, hearing, trained)


def _origin(task: Task, base: Path) -> dict[str, Any]:
    return {
        "base": digest_of(base),
        "data": _digest_of_data(task.data),
        "language": task.language,
        "seed": task.seed,
    }


def _digest_of_data(data: Path) -> str:
    try:
        digest: str = json.loads((data / REPORT).read_bytes())["digest"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise TrainingFailed(
            "The data set is not whole. Have it made again.", code="dataset_damaged"
        ) from error
    return digest
