"""A stand-in for torchaudio's compiled part, which is linked to CUDA and is not needed here."""

from __future__ import annotations

import sys
from functools import wraps
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable


def stand_in_for_torchaudio_extension() -> None:
    """Before torchaudio is imported. What is used of it, mel and resample, is Python."""
    extension = empty_module("torchaudio._extension")
    extension.__path__ = []
    vars(extension).update(
        _IS_TORCHAUDIO_EXT_AVAILABLE=False,
        _IS_ALIGN_AVAILABLE=False,
        fail_if_no_align=_refuse,
        _check_cuda_version=lambda: None,
        _load_lib=lambda _: False,
    )
    sys.modules.setdefault("torchaudio._extension", extension)


def empty_module(name: str) -> ModuleType:
    module = ModuleType(name)
    module.__spec__ = ModuleSpec(name, None)
    return module


def _refuse(function: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(function)
    def refuse(*_: Any, **__: Any) -> Any:
        raise RuntimeError("torchaudio's compiled part is not used here")

    return refuse
