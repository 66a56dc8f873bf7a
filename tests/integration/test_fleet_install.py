"""The installer with real environments and a real pip, without a network."""

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from fleet.install import InstallError, install

pytestmark = pytest.mark.slow

WHEEL = "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n"


def put_on_shelf(shelf: Path, name: str, code: str, wants: str = "") -> None:
    """A wheel of one module."""
    info = f"{name}-1.0.dist-info"
    metadata = f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n{wants}"
    with zipfile.ZipFile(shelf / f"{name}-1.0-py3-none-any.whl", "w") as wheel:
        wheel.writestr(f"{name}.py", code)
        wheel.writestr(f"{info}/METADATA", metadata)
        wheel.writestr(f"{info}/WHEEL", WHEEL)
        wheel.writestr(f"{info}/RECORD", "")


@pytest.fixture
def requirements(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A set with one package, to be had from a folder alone."""
    shelf = tmp_path / "shelf"
    shelf.mkdir()
    put_on_shelf(shelf, "tinypart", "answer = 42\n")
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(shelf))
    (tmp_path / "tiny.txt").write_text("tinypart==1.0\n")
    return tmp_path / "tiny.txt"


def put_uv_on_path(folder: Path, monkeypatch: pytest.MonkeyPatch, script: str) -> None:
    """A stand-in for uv that does what the script says."""
    (folder / "bin").mkdir()
    (folder / "bin" / "uv").write_text(f"#!/bin/sh\n{script}\n")
    (folder / "bin" / "uv").chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder / 'bin'}:{os.environ['PATH']}")


def answer_of(environment: Path, module: str = "tinypart") -> str:
    code = f"import {module}; print({module}.answer)"
    script = [f"{environment}/bin/python", "-c", code]
    return subprocess.run(script, capture_output=True, text=True, check=False).stdout.strip()


def test_pip_does_it_where_uv_cannot(
    requirements: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = requirements.parent
    put_uv_on_path(folder, monkeypatch, "echo no such index >&2; exit 2")
    install(folder / "an environment", requirements)
    assert answer_of(folder / "an environment") == "42"
    assert "trying pip instead: no such index" in capsys.readouterr().out
    install(folder / "an environment", requirements)
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize("uv", ["works", "fails"])
def test_what_comes_alone_comes_after_the_set_without_what_it_asks_for(
    requirements: Path, monkeypatch: pytest.MonkeyPatch, uv: str
) -> None:
    folder = requirements.parent
    asks = "Requires-Dist: nosuchpart==9\n"
    put_on_shelf(folder / "shelf", "oldpart", "import tinypart\nanswer = 43\n", asks)
    (folder / "tiny.alone.txt").write_text("oldpart==1.0\n")
    pip = f'"{sys.executable}" -m pip --python "{folder}/env/bin/python" install'
    installs = f'echo "$@" >> "{folder}/asked"; shift 4; {pip} "$@"'
    put_uv_on_path(folder, monkeypatch, installs if uv == "works" else "exit 2")
    install(folder / "env", requirements)
    assert answer_of(folder / "env", "oldpart") == "43"
    if uv == "works":
        first, second = (folder / "asked").read_text().splitlines()
        assert first.endswith(f"-r {requirements}")
        assert second.endswith(f"--no-deps -r {folder}/tiny.alone.txt")


def test_uv_is_told_where_pip_would_look(
    requirements: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = requirements.parent
    put_uv_on_path(folder, monkeypatch, f'env > "{folder}/seen"; echo "$@" > "{folder}/asked"')
    install(folder / "env", requirements)
    seen = (folder / "seen").read_text().splitlines()
    assert f"UV_FIND_LINKS={folder / 'shelf'}" in seen
    assert "UV_NO_INDEX=1" in seen
    asked = (folder / "asked").read_text().strip()
    assert asked == f"pip install --python {folder}/env/bin/python -r {requirements}"


def test_a_changed_set_is_installed_into_the_same_environment(
    requirements: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = requirements.parent
    put_uv_on_path(folder, monkeypatch, f'echo once >> "{folder}/calls"')
    install(folder / "env", requirements)
    (folder / "env" / "kept").touch()
    requirements.write_text("tinypart>=1.0\n")
    install(folder / "env", requirements)
    assert (folder / "calls").read_text().split() == ["once", "once"]
    assert (folder / "env" / "kept").exists()


def test_an_environment_whose_python_is_gone_is_made_anew(
    requirements: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = requirements.parent
    put_uv_on_path(folder, monkeypatch, "exit 0")
    install(folder / "env", requirements)
    for name in ("python", "python3", f"python3.{sys.version_info[1]}"):
        (folder / "env" / "bin" / name).unlink()
        (folder / "env" / "bin" / name).symlink_to("/no/such/python")
    install(folder / "env", requirements)
    assert subprocess.run([f"{folder}/env/bin/python", "-c", ""], check=False).returncode == 0


def test_what_cannot_be_had_is_told_and_leaves_no_stamp(
    requirements: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = requirements.parent
    put_uv_on_path(folder, monkeypatch, "exit 2")
    requirements.write_text("nosuchpart==9\n")
    with pytest.raises(InstallError, match="nosuchpart"):
        install(folder / "env", requirements)
    assert not list((folder / "env").glob(".installed-*"))
