"""The API stays light: a worker's libraries are never loaded by it."""

from __future__ import annotations

import subprocess
import sys

from tests.environment import child_environment

HEAVY = (
    "synthesis_worker",
    "gpu_worker",
    "torch",
    "numpy",
    "onnxruntime",
    "piper",
    "av",
    "soundfile",
    "soxr",
)
ASK = """
import sys, django
django.setup()
import config.urls, config.asgi
from django.urls import get_resolver
assert get_resolver().url_patterns
print(*sorted({name.split(".")[0] for name in sys.modules} & set(sys.argv[1:])))
"""


def test_the_api_loads_no_worker_and_no_library_of_sound() -> None:
    done = subprocess.run(
        [sys.executable, "-c", ASK, *HEAVY, "django"],
        env=child_environment(DJANGO_SETTINGS_MODULE="config.settings"),
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    assert done.stdout.split() == ["django"]
