"""`make run` and `make say` as they are: the product itself, in a clone of its own."""

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import fields
from pathlib import Path

import av
import httpx
import pytest

from fleet.home import Embedded
from fleet.install import fingerprint
from fleet.places import socket_folder
from fleet.processes import read_process
from fleet.run import FIRST_SENTENCE
from synthesis_worker import audio
from synthesis_worker.contract import SpeechRequest
from synthesis_worker.engines.espeak import EspeakEngine
from tests.integration.clones import NAMES, embedded, of_fleet
from tests.integration.supervised import until
from tests.live import ROOT
from voices.catalogue import stock_voices

pytestmark = pytest.mark.slow

NOT_CLONED = (".git", ".venv*", "var", "__pycache__", ".*_cache", ".hypothesis")
TEXT = "Die Mühle dreht sich bei Nacht, und am Tage ruht sie."


@pytest.fixture(scope="module")
def clone(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A fleet of the product that `make run` has started, and Ctrl-C ends."""
    root = tmp_path_factory.mktemp("product") / "a clone"
    shutil.copytree(ROOT, root, ignore=shutil.ignore_patterns(*NOT_CLONED))
    lend_packages(root)
    with running(root):
        yield root
    assert embedded(root)["pids"] == {}
    assert of_fleet(root) == []
    shutil.rmtree(socket_folder(root), ignore_errors=True)


def lend_packages(root: Path) -> None:
    """Those of this Python, so that nothing is installed."""
    packages = root / ".venv"
    packages.mkdir()
    for part in ("bin", "lib", "pyvenv.cfg"):
        (packages / part).symlink_to(Path(sys.prefix) / part)
    wanted = fingerprint(root / "requirements" / "embedded.txt")
    (packages / ".installed-embedded").write_text(wanted)


def make(root: Path, *wish: str) -> subprocess.Popen[str]:
    """With nothing of the tests' own settings."""
    plain = {name: value for name in ("PATH", "HOME", "LANG") if (value := os.environ.get(name))}
    return subprocess.Popen(
        [str(shutil.which("make")), *wish, f"PYTHON={sys.executable}"],
        cwd=root,
        env=plain,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )


@contextmanager
def running(root: Path) -> Iterator[None]:
    """From the first sentence until Ctrl-C."""
    with make(root, "run") as fleet:
        try:
            spoken = root / "var" / "first-sentence.wav"
            until(lambda: spoken.exists() or fleet.poll() is not None, 60)
            assert spoken.exists()
            yield
        finally:
            if fleet.poll() is None:
                os.killpg(fleet.pid, signal.SIGINT)
            print(fleet.communicate(timeout=60)[0])


def spoken_by(slug: str) -> float:
    """Seconds that the text takes this stock voice, its engine asked directly."""
    (voice,) = (one for one in stock_voices() if one.slug == slug)
    request = SpeechRequest(TEXT, voice.language, voice.bindings[0].model)
    return audio.join(EspeakEngine().synthesize(request)).seconds


def test_make_say_speaks_with_the_voice_and_in_the_format_asked_for(clone: Path) -> None:
    saying = make(clone, "say", f"TEXT={TEXT}", "VOICE=funke", "OUT=x.mp3")
    told = saying.communicate(timeout=60)[0]
    assert saying.returncode == 0, told
    assert "succeeded" in told
    with av.open(str(clone / "x.mp3")) as file:
        assert file.format.name == "mp3"
    seconds = audio.decode((clone / "x.mp3").read_bytes()).seconds
    assert seconds == pytest.approx(spoken_by("funke"), abs=0.1)
    assert seconds != pytest.approx(spoken_by("ember"), abs=0.1)


def test_what_embedded_json_tells_opens_the_api_and_the_admin(clone: Path) -> None:
    found = embedded(clone)
    assert set(found) == {field.name for field in fields(Embedded)}
    assert set(found["pids"]) == NAMES
    assert all(read_process(pid) for pid in found["pids"].values())
    key = {"Authorization": f"Bearer {found['api_key']}"}
    first = httpx.get(f"{found['url']}/api/v1/jobs", headers=key).json()["results"][-1]
    assert first["request"]["text"] == FIRST_SENTENCE
    token = "x" * 32
    known = {"username": found["admin_user"], "password": found["admin_password"]}
    with httpx.Client(base_url=found["admin_url"], cookies={"csrftoken": token}) as person:
        signed_in = person.post("login/", data={**known, "csrfmiddlewaretoken": token})
        assert signed_in.status_code == 302
        assert person.get("").status_code == 200
