"""Programs that some tests need and no wheel brings: a laptop may lack them, CI may not."""

from __future__ import annotations

import os
import shutil

import pytest

IN_CI = os.environ.get("CI") == "true"


def needs(program: str) -> pytest.MarkDecorator:
    """Skipped where there is no such program; in CI the test then runs, and fails."""
    missing = shutil.which(program) is None and not IN_CI
    return pytest.mark.skipif(missing, reason=f"{program} is not installed")
