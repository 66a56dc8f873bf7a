"""StyleTTS2's models: converted once, proved before they are used, and never unpickled."""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
from dataclasses import asdict, replace
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file

from gpu_worker.engines.file_hash import sha256_of
from gpu_worker.engines.styletts2.convert import READER, RefusedError, convert, main
from gpu_worker.engines.styletts2.engine import StyleTts2Engine
from gpu_worker.engines.styletts2.model_files import (
    CONFIG,
    SUMS,
    WEIGHTS,
    digest_of,
    read_config,
    write_model,
)
from gpu_worker.engines.styletts2.stock import SPEAKING
from synthesis_worker.contract import ModelDamaged, ModelMissing, SpeechError
from tests.gpu.styletts2_models import (
    CHECKPOINT,
    QUICK,
    model_parameters,
    settings,
    small_model,
    write_settings,
)
from tests.gpu.unreadable import unreadable
from voices.engine_folders import MadeFolder
from voices.models_folder import Condition

if TYPE_CHECKING:
    from collections.abc import Callable


class Malice:
    """A pickle of it makes a folder where it is read as pickles are."""

    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self) -> tuple[Callable[..., Any], tuple[str]]:
        return os.mkdir, (str(self.mark),)


class Cunning(Malice):
    """The same by a function that torch's reader does not know to be bad."""

    def __reduce__(self) -> tuple[Callable[..., Any], tuple[str]]:
        return Path.mkdir, (self.mark,)  # type: ignore[return-value]


def published(folder: Path, checkpoint: Any, **changes: Any) -> Path:
    """A source with other settings, and this in its checkpoint."""
    parameters = model_parameters(QUICK) | changes.pop("model_params", {})
    write_settings(folder, settings(parameters) | changes)
    torch.save(checkpoint, folder / CHECKPOINT)
    return folder


def saved_reader() -> dict[str, Any]:
    """Of the published networks the first by name: what is wrong with it is noticed first."""
    return dict(small_model(QUICK).stock["bert"].state_dict())


def test_what_is_converted_are_the_weights_of_the_networks_that_speak() -> None:
    kept = load_file(small_model(QUICK).folder / WEIGHTS)
    assert {key.partition(".")[0] for key in kept} == set(SPEAKING)
    stock = small_model(QUICK).stock
    for name in set(SPEAKING) - {"diffusion"}:
        for key, tensor in stock[name].state_dict().items():
            assert torch.equal(kept[f"{name}.{key}"], tensor)
    for key, tensor in stock.diffusion.diffusion.state_dict().items():
        assert torch.equal(kept[f"diffusion.{key}"], tensor)


def test_a_converted_model_says_what_it_was_and_anybody_may_read_it() -> None:
    model = small_model(QUICK)
    config = read_config(model.folder)
    assert config.source["checkpoint"] == sha256_of(model.published / CHECKPOINT)
    assert config.source["settings"] == sha256_of(model.published / "config.yml")
    assert config.weights == sha256_of(model.folder / WEIGHTS)
    assert all(file.stat().st_mode & 0o004 for file in model.folder.iterdir())


def test_what_is_converted_can_be_verified_where_no_engine_is() -> None:
    model = small_model(QUICK)
    made = MadeFolder(model.folder)
    made.verify()
    assert made.condition() == Condition.VERIFIED
    check = ["sha256sum", "--check", "--strict", SUMS]
    subprocess.run(check, cwd=model.folder, capture_output=True, check=True)
    assert {file.name for file in model.folder.iterdir()} == {CONFIG, WEIGHTS, SUMS}


def test_a_full_disk_leaves_the_model_that_was_there(tmp_path: Path) -> None:
    """A limit on a file's size stands for the disk: both end the writing of the weights."""
    parts: dict[str, Any] = {"source": {}, "model": {}, "bert": {}}
    write_model(tmp_path / "made", parts, {"one.weight": torch.zeros(3)})
    before = digest_of(tmp_path / "made")
    limit = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, limit[1]))
    try:
        with pytest.raises(SafetensorError):
            write_model(tmp_path / "made", parts, {"one.weight": torch.zeros(300_000)})
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limit)
    assert digest_of(tmp_path / "made") == before
    assert {file.name for file in (tmp_path / "made").iterdir()} == {CONFIG, WEIGHTS, SUMS}


def test_a_converter_that_cannot_write_says_so_in_a_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "made").write_bytes(b"a file where the folder is to be")
    words = [str(small_model(QUICK).published), str(tmp_path / "made"), "--any"]
    monkeypatch.setattr(sys, "argv", ["convert", *words])
    assert main() == 1
    assert "File exists" in capsys.readouterr().err


def test_files_that_nobody_published_are_refused_unless_one_says_so(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "gpu_worker.engines.styletts2.convert"]
    done = subprocess.run(
        [*command, str(small_model(QUICK).published), str(tmp_path / "made")],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert "--any" in done.stderr
    assert sha256_of(small_model(QUICK).published / CHECKPOINT) in done.stderr
    assert not (tmp_path / "made").exists()


def test_the_table_names_what_the_package_brings() -> None:
    table = json.loads(files("gpu_worker.engines.styletts2").joinpath("published.json").read_text())
    assert sha256_of(Path(str(files("styletts2"))) / READER) in table
    assert all(len(bytes.fromhex(sha256)) == 32 for sha256 in table)


@pytest.mark.parametrize("kind", [Malice, Cunning])
@pytest.mark.parametrize("within", [True, False])
def test_no_pickle_of_a_checkpoint_is_obeyed(
    tmp_path: Path, kind: type[Malice], within: bool
) -> None:
    mark = tmp_path / "obeyed"
    hostile = {"net": {"bert": saved_reader()}, "more": kind(mark)} if within else kind(mark)
    source = published(tmp_path / "source", hostile)
    with pytest.raises(RefusedError):
        convert(source, tmp_path / "made", unknown=True)
    assert not mark.exists()
    assert not (tmp_path / "made").exists()


@pytest.mark.parametrize("written", [b"", b"PK\x03\x04 cut short", b"\x80\x02cos\nsystem\n."])
def test_what_is_no_checkpoint_is_refused(tmp_path: Path, written: bytes) -> None:
    source = published(tmp_path / "source", {})
    (source / CHECKPOINT).write_bytes(written)
    with pytest.raises(RefusedError, match="no checkpoint"):
        convert(source, tmp_path / "made", unknown=True)


@pytest.mark.parametrize(
    "read", [[], {}, {"net": [1]}, {"net": {"bert": [1]}}, {"net": {"bert": {"words": "none"}}}]
)
def test_a_checkpoint_of_something_else_is_refused(tmp_path: Path, read: Any) -> None:
    source = published(tmp_path / "source", read)
    with pytest.raises(RefusedError, match="no checkpoint"):
        convert(source, tmp_path / "made", unknown=True)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({}, "lacks bert_encoder.bias"),
        ({"module.surplus": torch.ones(1)}, "has bert.surplus"),
        (
            {"pooler.bias": torch.ones(17)},
            r"bert.pooler.bias is \(17,\), and by its config \(16,\)",
        ),
    ],
)
def test_weights_that_are_not_those_of_the_settings_are_refused(
    tmp_path: Path, change: dict[str, Any], said: str
) -> None:
    source = published(tmp_path / "source", {"net": {"bert": saved_reader() | change}})
    with pytest.raises(RefusedError, match=said):
        convert(source, tmp_path / "made", unknown=True)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"model_params": {"multispeaker": False}}, "multispeaker"),
        ({"model_params": {"n_token": 177}}, "n_token"),
        ({"model_params": {"hidden_dim": "wide"}}, "describe no model"),
        ({"preprocess_params": {"sr": 22050}}, "sr = 22050"),
    ],
)
def test_a_model_that_this_engine_does_not_speak_with_is_refused(
    tmp_path: Path, change: dict[str, Any], said: str
) -> None:
    source = published(tmp_path / "source", {"net": {}}, **change)
    with pytest.raises(RefusedError, match=said):
        convert(source, tmp_path / "made", unknown=True)


@pytest.mark.parametrize(
    "written", ["!!python/object/apply:os.mkdir [obeyed]", "a: [", "- only a list", "{}"]
)
def test_settings_that_are_none_are_refused(tmp_path: Path, written: str) -> None:
    source = published(tmp_path / "source", {})
    (source / "config.yml").write_text(written)
    with pytest.raises(RefusedError, match=r"config\.yml"):
        convert(source, tmp_path / "made", unknown=True)
    assert not Path("obeyed").exists()


def test_one_checkpoint_is_needed(tmp_path: Path) -> None:
    source = published(tmp_path / "source", {})
    (source / "second.pth").write_bytes(b"")
    with pytest.raises(RefusedError, match="holds 2 checkpoints"):
        convert(source, tmp_path / "made", unknown=True)


def write_config(folder: Path, **changes: Any) -> None:
    whole = asdict(replace(read_config(small_model(QUICK).folder), **changes))
    (folder / CONFIG).write_text(json.dumps(whole))


def write_weights(folder: Path, weights: dict[str, Any]) -> None:
    save_file(weights, folder / WEIGHTS)
    write_config(folder, weights=sha256_of(folder / WEIGHTS))


def half_written(folder: Path) -> None:
    with (small_model(QUICK).folder / WEIGHTS).open("rb") as file:
        (folder / WEIGHTS).write_bytes(file.read(1_000_000))
    write_config(folder)


def interrupted(folder: Path) -> None:
    half_written(folder)
    (folder / CONFIG).unlink()


def unfinished(folder: Path) -> None:
    half_written(folder)
    write_config(folder, weights=sha256_of(folder / WEIGHTS))


def hostile(folder: Path) -> None:
    torch.save({"net": Malice(folder / "obeyed")}, folder / WEIGHTS)
    write_config(folder, weights=sha256_of(folder / WEIGHTS))


def of_another_revision(folder: Path) -> None:
    (folder / WEIGHTS).hardlink_to(small_model(QUICK).folder / WEIGHTS)
    write_config(folder, weights="0" * 64)


def of_another_size(folder: Path) -> None:
    (folder / WEIGHTS).hardlink_to(small_model(QUICK).folder / WEIGHTS)
    write_config(folder, model=model_parameters(QUICK) | {"hidden_dim": 256})


def of_no_decoder_known(folder: Path) -> None:
    (folder / WEIGHTS).hardlink_to(small_model(QUICK).folder / WEIGHTS)
    write_config(folder, model=model_parameters(QUICK) | {"decoder": {"type": "noise"}})


DAMAGE: list[tuple[Callable[[Path], object], str]] = [
    (half_written, "model_damaged"),
    (interrupted, "model_damaged"),
    (unfinished, "model_damaged"),
    (hostile, "model_damaged"),
    (of_another_revision, "model_damaged"),
    (of_another_size, "model_damaged"),
    (of_no_decoder_known, "model_damaged"),
    (write_config, "model_damaged"),
    (lambda folder: write_weights(folder, {"bert.surplus": torch.ones(1)}), "model_damaged"),
    (lambda folder: write_weights(folder, {"wave.weight": torch.ones(1)}), "model_damaged"),
    (lambda folder: (folder / CONFIG).write_text("{"), "model_damaged"),
    (lambda folder: (folder / CONFIG).write_text("[]"), "model_damaged"),
    (lambda folder: (folder / CONFIG).write_text('{"layout": 1}'), "model_damaged"),
    (lambda folder: write_config(folder, model={}), "model_damaged"),
    (lambda folder: write_config(folder, layout=2), "model_outdated"),
]


@pytest.mark.parametrize(("damage", "code"), DAMAGE)
def test_a_folder_that_is_not_whole_is_refused_and_nothing_in_it_obeyed(
    tmp_path: Path, damage: Callable[[Path], object], code: str
) -> None:
    damage(tmp_path)
    engine = StyleTts2Engine(tmp_path, accepted=True)
    with pytest.raises(ModelDamaged) as refused:
        engine.load()
    assert (refused.value.code, refused.value.permanent) == (code, True)
    assert not (tmp_path / "obeyed").exists()


@pytest.mark.parametrize("folder", ["empty", "no such folder"])
def test_without_a_model_nothing_is_offered(tmp_path: Path, folder: str) -> None:
    (tmp_path / "empty").mkdir()
    engine = StyleTts2Engine(tmp_path / folder, accepted=True)
    assert engine.capabilities.models == ()
    assert not engine.capabilities.clones
    with pytest.raises(ModelMissing) as refused:
        engine.load()
    assert refused.value.code == "model_missing"


def test_of_a_folder_that_may_not_be_read_nothing_is_offered(tmp_path: Path) -> None:
    write_config(tmp_path)
    (tmp_path / WEIGHTS).hardlink_to(small_model(QUICK).folder / WEIGHTS)
    engine = StyleTts2Engine(tmp_path, accepted=True)
    assert engine.capabilities.models
    with unreadable(tmp_path):
        assert engine.capabilities.models == ()
        with pytest.raises(ModelDamaged) as refused:
            engine.load()
    assert refused.value.code == "model_damaged"
    engine.load()


def test_of_weights_that_were_cut_off_nothing_is_offered(tmp_path: Path) -> None:
    half_written(tmp_path)
    assert StyleTts2Engine(tmp_path, accepted=True).capabilities.models == ()


def test_a_model_that_is_mended_speaks_without_a_new_start(tmp_path: Path) -> None:
    write_config(tmp_path)
    engine = StyleTts2Engine(tmp_path, accepted=True)
    with pytest.raises(SpeechError):
        engine.load()
    (tmp_path / WEIGHTS).hardlink_to(small_model(QUICK).folder / WEIGHTS)
    engine.load()


def test_another_model_has_another_digest(tmp_path: Path) -> None:
    digests = set()
    (tmp_path / WEIGHTS).hardlink_to(small_model(QUICK).folder / WEIGHTS)
    for layer in (1, 2):
        write_config(tmp_path, model={"n_layer": layer})
        digests.add(StyleTts2Engine(tmp_path, accepted=True).capabilities.models[0].digest)
    assert len(digests) == 2
