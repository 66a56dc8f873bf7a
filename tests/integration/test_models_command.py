"""manage.py models: installing, verifying and listing, against folders and a real web server."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from django.core.management import CommandError, call_command

from synthesis_worker.engines.piper_models import PiperModels
from tests.publishing import publishing
from tests.small_catalogue import CONFIG, SmallModel, use_catalogue

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pytest_django import Settings

    from tests.publishing import Publisher

AMY = SmallModel("amy", onnx=b"amy's network " * 1000)
JOE = SmallModel("joe", onnx=b"joe's network " * 2000)


@pytest.fixture
def publisher() -> Iterator[Publisher]:
    with publishing(AMY.files | JOE.files) as server:
        yield server


@pytest.fixture
def models(tmp_path: Path, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The models folder, not made yet, with Amy and Joe in the catalogue."""
    settings.MODELS_DIR = tmp_path / "models"
    use_catalogue(monkeypatch, tmp_path, [AMY.entry(), JOE.entry()])
    return tmp_path / "models"


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """A folder laid out as the publisher's, with Amy in it."""
    folder = tmp_path / "source"
    _write(folder, AMY.files)
    return folder


def _write(folder: Path, files: dict[str, bytes]) -> None:
    for path, body in files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(body)


def _run(*words: object) -> str:
    out = io.StringIO()
    call_command("models", *map(str, words), stdout=out, stderr=out)
    return out.getvalue()


def _fail(*words: object) -> str:
    """What the command says when it fails, which it must."""
    out = io.StringIO()
    with pytest.raises(CommandError) as caught:
        call_command("models", *map(str, words), stdout=out, stderr=out)
    assert caught.value.returncode == 1
    return f"{out.getvalue()}{caught.value}"


def _names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()} if folder.exists() else set()


def _files_of(*wanted: SmallModel) -> set[str]:
    ends = (".onnx", ".onnx.json", ".onnx.sha256")
    return {f"{model.id}{end}" for model in wanted for end in ends}


def test_a_folder_s_models_are_copied_and_the_engine_finds_them(models: Path, source: Path) -> None:
    said = _run("install", source)
    assert "en_US-amy-medium: installed; CC0" in said
    assert _names(models) == _files_of(AMY)
    assert (models / f"{AMY.id}.onnx").read_bytes() == AMY.onnx
    (found,) = PiperModels(models).list()
    assert (found.id, found.digest) == (AMY.id, AMY.sha256)


def test_files_side_by_side_are_found_as_well(models: Path, tmp_path: Path) -> None:
    flat = {f"flat/{Path(path).name}": body for path, body in JOE.files.items()}
    _write(tmp_path, flat)
    _run("install", tmp_path / "flat", "joe")
    assert _names(models) == _files_of(JOE)


def test_models_are_downloaded_from_an_address(models: Path, publisher: Publisher) -> None:
    _run("install", publisher.address)
    assert _names(models) == _files_of(AMY, JOE)
    assert (models / f"{JOE.id}.onnx").read_bytes() == JOE.onnx
    assert (models / f"{JOE.id}.onnx.sha256").read_text().split()[0] == JOE.sha256


def test_only_the_named_models_are_fetched(models: Path, publisher: Publisher) -> None:
    _run("install", publisher.address, AMY.id)
    assert _names(models) == _files_of(AMY)
    assert set(publisher.asked) == set(AMY.files)


def test_a_file_with_one_wrong_byte_is_refused(models: Path, publisher: Publisher) -> None:
    publisher.bodies[AMY.path] = b"A" + AMY.onnx[1:]
    said = _fail("install", publisher.address, "amy")
    assert "model_damaged" in said
    assert AMY.sha256 in said
    assert _names(models) == set()


def test_damaged_settings_are_refused(models: Path, publisher: Publisher) -> None:
    publisher.bodies[f"{AMY.path}.json"] = CONFIG.replace(b"22050", b"16000")
    assert "model_damaged" in _fail("install", publisher.address, "amy")
    assert _names(models) == set()


def test_a_download_that_breaks_off_is_refused(models: Path, publisher: Publisher) -> None:
    publisher.short.add(AMY.path)
    said = _fail("install", publisher.address, "amy")
    assert f"has {len(AMY.onnx) // 2} bytes, not {len(AMY.onnx)}" in said
    assert _names(models) == set()


def test_a_download_without_end_is_cut_off(models: Path, publisher: Publisher) -> None:
    publisher.endless.add(AMY.path)
    assert f"more than its {len(AMY.onnx)} bytes" in _fail("install", publisher.address, "amy")
    assert _names(models) == set()


def test_a_missing_file_and_a_silent_address_are_told_apart(
    models: Path, publisher: Publisher
) -> None:
    del publisher.bodies[AMY.path]
    assert "answers 404" in (missing := _fail("install", publisher.address, "amy"))
    assert "model_source_missing" in missing
    assert "model_source_failed" in _fail("install", "http://127.0.0.1:1/voices", "amy")
    assert _names(models) == set()


def test_a_model_that_is_there_and_whole_is_not_fetched_again(
    models: Path, publisher: Publisher
) -> None:
    _run("install", publisher.address, "amy")
    publisher.asked.clear()
    assert "already installed" in _run("install", publisher.address, "amy")
    assert publisher.asked == []
    assert _names(models) == _files_of(AMY)


def test_a_damaged_model_is_mended_by_installing_it_again(
    models: Path, publisher: Publisher
) -> None:
    _run("install", publisher.address, "amy")
    (models / f"{AMY.id}.onnx").write_bytes(AMY.onnx[:-1])
    assert "amy-medium: installed;" in _run("install", publisher.address, "amy")
    assert (models / f"{AMY.id}.onnx").read_bytes() == AMY.onnx


def test_a_failed_install_leaves_what_was_there(models: Path, publisher: Publisher) -> None:
    models.mkdir()
    (models / f"{AMY.id}.onnx").write_bytes(b"an older one")
    publisher.bodies[AMY.path] = AMY.onnx[::-1]
    _fail("install", publisher.address, "amy")
    assert _names(models) == {f"{AMY.id}.onnx"}
    assert (models / f"{AMY.id}.onnx").read_bytes() == b"an older one"


def test_one_bad_model_does_not_keep_the_others_out(models: Path, publisher: Publisher) -> None:
    publisher.bodies[AMY.path] = b""
    said = _fail("install", publisher.address)
    assert f"Failed: {AMY.id}." in said
    assert _names(models) == _files_of(JOE)


def test_progress_is_shown_on_a_terminal(models: Path, source: Path) -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    call_command("models", "install", str(source), stdout=(screen := Terminal()))
    assert f"\r{AMY.id}.onnx: 0.0 of 0.0 MB\n" in screen.getvalue()
    assert _names(models) == _files_of(AMY)


@pytest.mark.parametrize("place", ["/nowhere", "ftp://example.org/voices", "file:///tmp"])
def test_what_is_neither_folder_nor_web_address_is_refused(models: Path, place: str) -> None:
    assert "model_source_missing" in _fail("install", place)
    assert not models.exists()


def test_an_unknown_name_is_refused_with_the_known_ones(models: Path, source: Path) -> None:
    said = _fail("install", source, "amy", "nobody")
    assert "no nobody; it has amy, joe" in said
    assert not models.exists()


def test_a_folder_with_nothing_of_the_catalogue_is_refused(models: Path, tmp_path: Path) -> None:
    assert "model_unknown" in _fail("install", tmp_path)
    assert not models.exists()


def test_a_models_folder_that_cannot_be_made_is_a_clear_error(models: Path, source: Path) -> None:
    models.write_text("in the way")
    assert "[models_folder]" in _fail("install", source)


def test_verify_finds_damage_and_a_missing_half(models: Path, publisher: Publisher) -> None:
    _run("install", publisher.address)
    assert "amy-medium: whole" in _run("verify")
    (models / f"{AMY.id}.onnx").write_bytes(b"A" + AMY.onnx[1:])
    (models / f"{JOE.id}.onnx").unlink()
    said = _fail("verify")
    assert f"Failed: {AMY.id}, {JOE.id}." in said
    assert said.count("model_damaged") == 2


def test_verify_records_the_digest_of_what_was_copied_by_hand(models: Path) -> None:
    _write(models, {Path(path).name: body for path, body in AMY.files.items()})
    assert "installed, unverified" in _run("list")
    assert "whole" in _run("verify")
    assert "installed, verified" in _run("list")
    assert _names(models) == _files_of(AMY)


def test_list_tells_what_is_there(models: Path, publisher: Publisher) -> None:
    assert _run("list").count("not installed; CC0") == 2
    _run("install", publisher.address, "amy")
    (models / f"{JOE.id}.onnx").write_bytes(JOE.onnx[:10])
    amy, joe, address = _run("list").splitlines()[:3]
    assert "installed, verified" in amy
    assert "incomplete" in joe
    assert address.endswith("install https://example.org/f")


def test_a_voice_of_one_s_own_is_installed_and_verified(models: Path, tmp_path: Path) -> None:
    own = tmp_path / "own"
    _write(own, {"mia.onnx": b"mia's network", "mia.onnx.json": CONFIG})
    assert "mia: installed; terms unknown" in _run("install", own, "--any")
    assert _names(models) == {"mia.onnx", "mia.onnx.json", "mia.onnx.sha256"}
    assert PiperModels(models).open("mia").onnx.read_bytes() == b"mia's network"
    assert "mia: whole" in _run("verify")
    assert "mia: not in the catalogue" in _run("list")
    (models / "mia.onnx").write_bytes(b"something else")
    assert "model_damaged" in _fail("verify")


def test_a_model_nobody_knows_has_nothing_to_be_verified_by(models: Path) -> None:
    _write(models, {"mia.onnx": b"mia's network", "mia.onnx.json": CONFIG})
    assert "records one" in _fail("verify")


@pytest.mark.parametrize(
    "config",
    [
        b"",
        b"not JSON",
        b"[]",
        b"[" * 100_000,
        b"{}",
        b" " * (1 << 20) + CONFIG,
        CONFIG.replace(b"22050", b"0"),
        CONFIG.replace(b"22050", b'"fast"'),
        CONFIG.replace(b'"num_speakers": 1', b'"num_speakers": 0'),
        CONFIG.replace(b'{"_": [0]}', b"{}"),
        CONFIG.replace(b'"en-us"', b"7"),
        json.dumps({**json.loads(CONFIG), "phoneme_type": "pinyin"}).encode(),
    ],
    ids=lambda config: config[:20].decode() + f"-{len(config)}",
)
def test_settings_no_engine_could_use_are_refused(
    models: Path, tmp_path: Path, config: bytes
) -> None:
    own = tmp_path / "own"
    _write(own, {"mia.onnx": b"mia's network", "mia.onnx.json": config})
    assert "mia.onnx.json" in _fail("install", own, "--any")
    assert not models.exists()


@pytest.mark.parametrize("name", ["../mia", ".mia", "a/b", "m ia"])
def test_a_name_that_is_no_file_s_name_is_refused(models: Path, tmp_path: Path, name: str) -> None:
    assert "model_unknown" in _fail("install", tmp_path, name, "--any")
    assert not models.exists()


def test_voices_of_one_s_own_come_from_folders_alone(models: Path, publisher: Publisher) -> None:
    assert "from a folder" in _fail("install", publisher.address, "mia", "--any")
    assert publisher.asked == []
    assert not models.exists()
