"""Each process starts with what its own requirements file brings, and nothing of the others'."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests.environment import child_environment

WEB_ONLY = ["rest_framework", "drf_spectacular", "unfold", "a2wsgi", "uvicorn", "whitenoise"]
ENGINES_ONLY = ["numpy", "onnxruntime", "piper", "av", "soundfile", "soxr"]

START = "import sys; sys.modules.update(dict.fromkeys({missing!r})); import config; {then}"
DJANGO = "import django; django.setup(); import {module}"


@pytest.mark.parametrize(
    ("module", "missing", "environment"),
    [
        ("synthesis_worker.tasks", WEB_ONLY, {"WORKER_MODULES": "synthesis_worker.tasks"}),
        (
            "synthesis_worker.tasks",
            [*WEB_ONLY, "piper", "onnxruntime"],
            {"WORKER_MODULES": "synthesis_worker.tasks"},
        ),
        (
            "gpu_worker.tasks",
            [*WEB_ONLY, "piper", "onnxruntime", "torch"],
            {"WORKER_MODULES": "gpu_worker.tasks"},
        ),
        ("jobs.dispatch", [*WEB_ONLY, *ENGINES_ONLY], {"WEB": "off"}),
        ("config.asgi", ENGINES_ONLY, {}),
    ],
)
def test_a_process_starts_without_the_packages_of_the_others(
    module: str, missing: list[str], environment: dict[str, str]
) -> None:
    code = START.format(missing=missing, then=DJANGO.format(module=module))
    subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code],
        env=child_environment(**environment),
        check=True,
    )
