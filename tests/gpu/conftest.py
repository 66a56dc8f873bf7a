"""Models of the real make, built once a run; one thread, so that sums come in one order."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture(scope="session", autouse=True)
def one_thread() -> None:
    import torch

    torch.set_num_threads(1)


@pytest.fixture(scope="session")
def xtts_folder(tmp_path_factory: pytest.TempPathFactory, one_thread: None) -> Path:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from tests.gpu.xtts_models import narrow_vocoder, save_model

        narrow_vocoder()
        return save_model(tmp_path_factory.mktemp("xtts"), most=120)


@pytest.fixture(scope="session")
def stock(xtts_folder: Path) -> Iterator[Any]:
    """The model as Coqui loads it: the oracle. Nobody but the test that asks uses it meanwhile."""
    import torch

    from gpu_worker.engines.xtts.stock import load_stock

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield load_stock(xtts_folder, torch.device("cpu"))
