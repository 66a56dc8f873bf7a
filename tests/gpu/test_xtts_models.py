"""XTTS's folder is read as its makers publish it, and never written to; no pickle is obeyed."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from pickle import UnpicklingError
from typing import TYPE_CHECKING, Any

import pytest
import torch

from gpu_worker.engines.xtts.engine import Settings, XttsEngine
from gpu_worker.engines.xtts.stock import FILES, digest_of, load_stock
from synthesis_worker.contract import ModelDamaged, ModelMissing
from tests.gpu.unreadable import unreadable
from tests.gpu.xtts_models import save_as_published

if TYPE_CHECKING:
    from collections.abc import Callable

pytestmark = [pytest.mark.filterwarnings("ignore"), pytest.mark.timeout(300)]


class Malice:
    """A pickle of it makes a folder where it is read as pickles are."""

    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self) -> tuple[Callable[..., Any], tuple[str]]:
        return os.mkdir, (str(self.mark),)


@pytest.fixture
def folder(quick_folder: Path, tmp_path: Path) -> Path:
    """A model of one's own to spoil: replace a file, do not write into it."""
    own = tmp_path / "model"
    own.mkdir()
    for name in FILES:
        (own / name).hardlink_to(quick_folder / name)
    return own


def put(folder: Path, name: str, data: bytes) -> None:
    (folder / name).unlink(missing_ok=True)
    (folder / name).write_bytes(data)


def put_weights(folder: Path, saved: Any, name: str = "model.pth", *, zipped: bool = True) -> None:
    (folder / name).unlink(missing_ok=True)
    torch.save(saved, folder / name, _use_new_zipfile_serialization=zipped)


def refusal(folder: Path) -> ModelDamaged:
    engine = XttsEngine(Settings(folder, accepted=True))
    with pytest.raises(ModelDamaged) as refused:
        engine.load()
    assert (refused.value.code, refused.value.permanent) == ("model_damaged", True)
    return refused.value


@pytest.mark.parametrize("where", ["nowhere", "."])
def test_without_a_model_nothing_is_offered(tmp_path: Path, where: str) -> None:
    engine = XttsEngine(Settings(tmp_path / where, accepted=True))
    assert engine.capabilities.models == ()
    assert not engine.capabilities.clones
    with pytest.raises(ModelMissing) as refused:
        engine.load()
    assert refused.value.code == "model_missing"


def test_of_a_folder_that_may_not_be_read_nothing_is_offered(folder: Path) -> None:
    engine = XttsEngine(Settings(folder, accepted=True))
    assert engine.capabilities.models
    with unreadable(folder):
        assert engine.capabilities.models == ()
        assert refusal(folder).code == "model_damaged"
    assert engine.capabilities.models


@pytest.mark.parametrize("name", FILES)
def test_a_folder_that_lacks_a_file_says_which(folder: Path, name: str) -> None:
    (folder / name).unlink()
    assert name in refusal(folder).message
    assert XttsEngine(Settings(folder, accepted=True)).capabilities.models == ()


@pytest.mark.parametrize("share", [0.0, 0.5, 0.999])
@pytest.mark.parametrize("name", FILES)
def test_a_half_written_file_is_refused(folder: Path, name: str, share: float) -> None:
    whole = (folder / name).read_bytes()
    put(folder, name, whole[: int(len(whole) * share)])
    refusal(folder)


def of_other_sizes(folder: Path) -> None:
    config = json.loads((folder / "config.json").read_bytes())
    config["model_args"]["gpt_layers"] = 3
    put(folder, "config.json", json.dumps(config).encode())


def of_other_words(folder: Path) -> None:
    vocabulary = json.loads((folder / "vocab.json").read_bytes())
    vocabulary["model"]["vocab"]["w" * 9] = 200
    put(folder, "vocab.json", json.dumps(vocabulary).encode())


SPOILT: dict[str, Callable[[Path], None]] = {
    "other sizes": of_other_sizes,
    "other words": of_other_words,
    "a list for settings": lambda folder: put(folder, "config.json", b"[]"),
    "no weights": lambda folder: put_weights(folder, {"model": {}}),
    "other keys": lambda folder: put_weights(folder, {"net": {}}),
    "a tensor": lambda folder: put_weights(folder, torch.zeros(3)),
    "weights that are none": lambda folder: put_weights(folder, {"model": {"gpt": "none"}}),
}


@pytest.mark.parametrize("how", SPOILT)
def test_a_folder_of_another_revision_is_refused(folder: Path, how: str) -> None:
    SPOILT[how](folder)
    refusal(folder)


@pytest.mark.parametrize("zipped", [True, False])
@pytest.mark.parametrize("name", ["model.pth", "speakers_xtts.pth"])
def test_no_pickle_is_obeyed(folder: Path, tmp_path: Path, name: str, *, zipped: bool) -> None:
    mark = tmp_path / "obeyed"
    put_weights(folder, {"model": Malice(mark)}, name, zipped=zipped)
    refusal(folder)
    assert not mark.exists()


def test_a_model_that_is_mended_speaks_without_a_new_start(folder: Path, xtts: XttsEngine) -> None:
    whole = (folder / "vocab.json").read_bytes()
    put(folder, "vocab.json", b"{")
    engine = XttsEngine(Settings(folder, slots=1, accepted=True))
    with pytest.raises(ModelDamaged):
        engine.load()
    put(folder, "vocab.json", whole)
    engine.load()
    assert engine.capabilities.models == xtts.capabilities.models
    engine.close()


def test_a_digest_changes_with_every_file(folder: Path, quick_folder: Path) -> None:
    digests = {digest_of(quick_folder)}
    assert digest_of(folder) in digests
    for name in FILES:
        put(folder, name, (folder / name).read_bytes() + b" ")
        digests.add(digest_of(folder))
    assert len(digests) == 1 + len(FILES)


@pytest.fixture(scope="module")
def as_published(quick_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_as_published(tmp_path_factory.mktemp("published") / "xtts", quick_folder)


def state(folder: Path) -> dict[str, tuple[int, bytes]]:
    return {file.name: (file.stat().st_mtime_ns, file.read_bytes()) for file in folder.iterdir()}


def test_the_published_file_is_read_as_it_is_and_stays_so(
    as_published: Path, quick_folder: Path
) -> None:
    with pytest.raises(UnpicklingError):
        torch.load(as_published / "model.pth", weights_only=True)
    before = state(as_published)
    read, stock = (load_stock(one, torch.device("cpu")) for one in (as_published, quick_folder))
    assert state(as_published) == before
    known = stock.state_dict()
    assert known.keys() == read.state_dict().keys()
    assert all(torch.equal(known[name], one) for name, one in read.state_dict().items())


ALONE = """
import pathlib, socket, sys, warnings

class Refused(socket.socket):
    def __init__(self, *_, **__):
        raise OSError("no network here")

socket.socket = Refused
warnings.simplefilter("ignore")
from gpu_worker.engines.xtts.engine import Settings, XttsEngine
from synthesis_worker.contract import SpeechRequest
from tests.gpu.xtts_models import narrow_vocoder, sample
narrow_vocoder()
engine = XttsEngine(Settings(pathlib.Path(sys.argv[1]), slots=1, accepted=True))
voice = engine.clone([sample()], lambda _: None).data
for language in ("en", "ja", "zh"):
    request = SpeechRequest("1 a 2.", language, "xtts_v2", artifact=voice)
    print(sum(len(one.samples) for one in engine.synthesize(request)) > 0)
print({"django", "celery"} & set(sys.modules))
engine.close()
"""


def test_it_needs_no_network_no_answer_and_no_place_to_write(
    as_published: Path, tmp_path: Path
) -> None:
    before, home = state(as_published), tmp_path / "home"
    home.mkdir()
    done = subprocess.run(
        [sys.executable, "-c", ALONE, str(as_published)],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        env={"PATH": os.environ["PATH"], "HOME": str(home)},
        cwd=Path(__file__).parents[2],
    )
    assert (done.returncode, done.stdout.split("\n")[-5:-1]) == (0, [*["True"] * 3, "set()"]), (
        done.stderr
    )
    assert state(as_published) == before
    assert [one for one in home.rglob("*") if one.is_file()] == []
