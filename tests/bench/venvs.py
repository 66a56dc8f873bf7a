"""The peers' environments under var/bench, made once and kept, and the voice all speak with."""

from __future__ import annotations

import subprocess
from pathlib import Path

from fleet import install
from tests.bench.on_demand import ROOT

HOME = ROOT / "var" / "bench"
PEERS = Path(__file__).parent / "peers"
VOICE = "bench-medium"


def peer_python(name: str) -> str:
    """The Python of the environment that holds what peers/<name>.txt pins."""
    folder = HOME / "venvs" / name
    install.install(folder, PEERS / f"{name}.txt")
    return str(folder / "bin" / "python")


def medium_voice() -> Path:
    """A voice of the medium size: generated once, by torch, unless its two files lie there."""
    path = HOME / "voices" / f"{VOICE}.onnx"
    if not path.exists():
        add_torch(HOME / "venvs" / "voice")
        script = Path(__file__).parent / "medium_voice.py"
        subprocess.run([peer_python("voice"), "-W", "ignore", str(script), str(path)], check=True)
    return path


def add_torch(folder: Path) -> None:
    """By pip and first: which build of torch is taken stands in pip's own settings."""
    if list(folder.glob("lib/python*/site-packages/torch")):
        return
    install.make_environment(folder)
    pip = install.pip_command(folder)
    requirements = str(PEERS / "torch.txt")
    subprocess.run([*pip, "install", "--quiet", "--no-compile", "-r", requirements], check=True)
