"""Programs that some tests need and no wheel brings."""

from __future__ import annotations

import os
import shutil
from typing import NoReturn

import pytest

IN_CI = os.environ.get("CI") == "true"


def needs(program: str) -> pytest.MarkDecorator:
    """Skipped, with the reason, where there is no such program; .ci/run tries to get it."""
    return pytest.mark.skipif(shutil.which(program) is None, reason=f"{program} is not installed")


def not_here(reason: str) -> NoReturn:
    """Skipped on a laptop; what .ci/run brings along is there in CI."""
    if IN_CI:
        pytest.fail(reason)
    pytest.skip(reason)
