"""What all engines of cards say where the card's memory is full: another time, or elsewhere."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

import torch

from synthesis_worker.contract import EngineBusy

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextmanager
def busy_without_memory() -> Iterator[None]:
    try:
        yield
    except torch.OutOfMemoryError as error:
        raise EngineBusy("The card has no memory left.", code="no_memory") from error
