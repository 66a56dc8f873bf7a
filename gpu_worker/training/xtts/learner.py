"""One step after another: the trainer's losses, its optimiser, and all of it kept and taken up."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch

from gpu_worker.training.keeping import load_weights, save_whole
from gpu_worker.training.telling import Diverged, TrainingFailed

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from gpu_worker.training.xtts.clips import Clips


class Learner:
    """`origin` is what the steps depend on: a checkpoint of another origin is not taken up."""

    def __init__(self, model: Any, clips: Clips, batch: int, origin: Mapping[str, Any]) -> None:
        self._model, self._clips, self._batch = model, clips, batch
        self._optimiser = model.get_optimizer()
        self._origin = dict(origin)
        self.step = 0
        self.losses: dict[str, float] = {}

    def learn(self) -> None:
        """One step. Nothing is learnt from what is no number."""
        losses = self._losses()
        self._optimiser.zero_grad()
        losses["loss"].backward()  # type: ignore[no-untyped-call]
        self.losses = {name: float(loss.detach()) for name, loss in losses.items()}
        self.step += 1
        if not torch.nn.utils.get_total_norm(self._gradients()).isfinite():
            raise Diverged(self.step)
        self._optimiser.step()

    def save(self, file: Path) -> None:
        state = {
            "origin": self._origin,
            "step": self.step,
            "losses": self.losses,
            "weights": self._model.xtts.gpt.state_dict(),
            "optimiser": self._optimiser.state_dict(),
        }
        save_whole(state, file)

    def resume(self, file: Path) -> None:
        kept = load_weights(file, code="checkpoint_damaged")
        if kept.get("origin") != self._origin:
            raise TrainingFailed(
                "The checkpoint is of another training. Begin this one from its start.",
                code="checkpoint_unfit",
            )
        try:
            self._model.xtts.gpt.load_state_dict(kept["weights"])
            self._optimiser.load_state_dict(kept["optimiser"])
            self.step, self.losses = kept["step"], kept["losses"]
        except (KeyError, RuntimeError, TypeError, ValueError) as error:
            raise TrainingFailed(
                f"{file.name} is damaged. Begin the training from its start.",
                code="checkpoint_damaged",
            ) from error

    def _losses(self) -> dict[str, torch.Tensor]:
        device = next(self._model.parameters()).device
        drawn = {
            name: one.to(device) if isinstance(one, torch.Tensor) else one
            for name, one in self._clips.draw(self.step, self._batch).items()
        }
        _, losses = self._model.train_step(self._model.format_batch_on_device(drawn), None)
        return {name.removeprefix("loss_").removesuffix("_ce"): one for name, one in losses.items()}

    def _gradients(self) -> list[torch.Tensor]:
        learnt = self._model.xtts.gpt.parameters()
        return [one.grad for one in learnt if one.grad is not None]
