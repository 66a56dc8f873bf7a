"""What the published Piper package lacks to train: its alignment is compiled nowhere."""

from __future__ import annotations

import sys
import types

from gpu_worker.training.piper.alignment import align

ALIGNMENT = "piper.train.vits.monotonic_align.monotonic_align.core"


def give_alignment() -> None:
    """To be called before anything of `piper.train` is imported."""
    module = types.ModuleType(ALIGNMENT)
    module.maximum_path_c = align  # type: ignore[attr-defined]
    sys.modules[ALIGNMENT] = module


def shrink_discriminator() -> None:
    """The first layers of one of six, for tests: all are 47 million parameters for any voice."""
    from piper.train.vits import lightning, models
    from torch import nn

    class OneDiscriminator(models.MultiPeriodDiscriminator):
        def __init__(self, use_spectral_norm: bool = False) -> None:
            nn.Module.__init__(self)
            judge = models.DiscriminatorP(2)
            judge.convs = judge.convs[:2]
            judge.conv_post = nn.Conv2d(128, 1, (3, 1))
            self.discriminators = nn.ModuleList([judge])

    lightning.MultiPeriodDiscriminator = OneDiscriminator  # type: ignore[attr-defined]
