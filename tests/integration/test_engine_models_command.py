"""manage.py models with the models of engines: their licences, folders, and what breaks off."""

from __future__ import annotations

import hashlib
import io
import json
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from django.core.management import CommandError, call_command

from tests.environment import child_environment
from tests.live import wait_until
from tests.publishing import publishing
from tests.small_catalogue import SmallModel, use_catalogue
from voices import catalogue

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pytest_django import Settings

    from tests.publishing import Publisher

AMY = SmallModel("amy", onnx=b"amy's network " * 1000)
BIRD = {"config.json": b"{}", "far/away/bird.pth": b"a bird's network " * 5000}
BIRD_FILES = {"config.json", "bird.pth", "SHA256SUMS"}
INSTALL = """
import sys, django
django.setup()
from pathlib import Path
from django.core.management import call_command
from voices import catalogue
catalogue.ENGINE_MODELS = Path(sys.argv[1])
call_command("models", *sys.argv[2:])
"""
FISH = {"fish.pth": b"a fish's network " * 500}


def entry(name: str, bodies: dict[str, bytes], **more: str) -> dict[str, Any]:
    files = [
        {"path": path, "size": len(body), "sha256": hashlib.sha256(body).hexdigest()}
        for path, body in bodies.items()
    ]
    page = "https://example.org"
    terms = {"licence": f"{name.upper()}-1", "terms": "for birds alone", "text": f"{page}/text"}
    place = {"folder": name, "home": page, "address": f"{page}/f"}
    return {"name": name, **terms, **place, "files": files, **more}


@pytest.fixture
def models(tmp_path: Path, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The models folder, not made yet; Amy is a voice, bird and fish are models of engines."""
    settings.MODELS_DIR = tmp_path / "models"
    settings.ACCEPTED_LICENCES = []
    use_catalogue(monkeypatch, tmp_path, [AMY.entry()])
    fish = entry("fish", FISH, folder="fish.source", made="fish", then="convert {folder} {made}")
    (tmp_path / "engines.json").write_text(json.dumps({"models": [entry("bird", BIRD), fish]}))
    monkeypatch.setattr(catalogue, "ENGINE_MODELS", tmp_path / "engines.json")
    return tmp_path / "models"


@pytest.fixture
def publisher() -> Iterator[Publisher]:
    with publishing(AMY.files | BIRD | FISH) as server:
        yield server


def run(*words: object) -> str:
    out = io.StringIO()
    call_command("models", *map(str, words), stdout=out, stderr=out)
    return out.getvalue()


def fail(*words: object) -> str:
    out = io.StringIO()
    with pytest.raises(CommandError) as caught:
        call_command("models", *map(str, words), stdout=out, stderr=out)
    return f"{out.getvalue()}{caught.value}"


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()} if folder.exists() else set()


def type_at_a_terminal(patch: pytest.MonkeyPatch, answer: str) -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    patch.setattr("sys.stdin", Terminal(f"{answer}\n"))


def test_nothing_is_fetched_before_the_licence_is_accepted(
    models: Path, publisher: Publisher
) -> None:
    said = fail("install", publisher.address, "amy", "bird")
    assert "licence_not_accepted" in said
    assert "BIRD-1 (for birds alone): https://example.org/text" in said
    assert "licence_not_accepted" in fail("install", publisher.address, "bird", "--accept", "FISH")
    assert publisher.asked == []
    assert not models.exists()


def test_who_accepts_by_option_gets_the_model_and_the_line_for_its_workers(
    models: Path, publisher: Publisher
) -> None:
    said = run("install", publisher.address, "bird", "--accept", "BIRD-1")
    assert "bird: installed; BIRD-1" in said
    assert "ACCEPTED_LICENCES=BIRD-1" in said
    assert names(models) == {"bird"}
    assert names(models / "bird") == BIRD_FILES
    assert (models / "bird" / "bird.pth").read_bytes() == BIRD["far/away/bird.pth"]
    assert (models / "bird").stat().st_mode & 0o055 == 0o055  # workers are other accounts


@pytest.mark.parametrize(("answer", "wanted"), [("y", {"bird"}), ("", set()), ("no", set())])
def test_a_person_is_asked(
    models: Path,
    publisher: Publisher,
    monkeypatch: pytest.MonkeyPatch,
    answer: str,
    wanted: set[str],
) -> None:
    type_at_a_terminal(monkeypatch, answer)
    if wanted:
        run("install", publisher.address, "bird")
    else:
        assert "licence_not_accepted" in fail("install", publisher.address, "bird")
    assert names(models) == wanted


def test_what_the_workers_have_accepted_is_not_asked_again(
    models: Path, publisher: Publisher, settings: Settings
) -> None:
    settings.ACCEPTED_LICENCES = ["BIRD-1"]
    assert "bird: installed" in run("install", publisher.address, "bird")


def test_voices_and_engines_are_installed_together(models: Path, publisher: Publisher) -> None:
    run("install", publisher.address, "amy", "bird", "--accept", "BIRD-1")
    assert names(models) > {"bird", f"{AMY.id}.onnx"}


def test_an_engine_s_model_comes_only_by_name(models: Path, publisher: Publisher) -> None:
    run("install", publisher.address)
    assert {Path(name).name.partition(".")[0] for name in names(models)} == {AMY.id}


def test_a_model_to_be_converted_says_how(models: Path, publisher: Publisher) -> None:
    said = run("install", publisher.address, "fish", "--accept", "FISH-1")
    assert f"convert {models}/fish.source {models}/fish" in said
    assert names(models) == {"fish.source"}


def test_a_folder_is_as_good_as_an_address(models: Path, tmp_path: Path) -> None:
    (tmp_path / "from").mkdir()
    for path, body in BIRD.items():
        (tmp_path / "from" / Path(path).name).write_bytes(body)
    run("install", tmp_path / "from", "bird", "--accept", "BIRD-1")
    assert names(models / "bird") == BIRD_FILES


@pytest.mark.parametrize("harm", ["short", "endless", "wrong", "absent"])
def test_what_breaks_off_or_is_another_leaves_no_model(
    models: Path, publisher: Publisher, harm: str
) -> None:
    path = "far/away/bird.pth"
    if harm == "short":
        publisher.short.add(path)
    elif harm == "endless":
        publisher.endless.add(path)
    elif harm == "wrong":
        publisher.bodies[path] = b"A" + BIRD[path][1:]
    else:
        del publisher.bodies[path]
    said = fail("install", publisher.address, "bird", "--accept", "BIRD-1")
    assert "[model_" in said
    assert names(models) == set()


def test_a_failed_install_leaves_what_was_there(models: Path, publisher: Publisher) -> None:
    (models / "bird").mkdir(parents=True)
    (models / "bird" / "bird.pth").write_bytes(b"an older one")
    publisher.short.add("far/away/bird.pth")
    fail("install", publisher.address, "bird", "--accept", "BIRD-1")
    assert (models / "bird" / "bird.pth").read_bytes() == b"an older one"
    assert names(models) == {"bird"}


def test_an_install_that_is_killed_midway_leaves_no_model(
    models: Path, publisher: Publisher, tmp_path: Path
) -> None:
    publisher.held.add("far/away/bird.pth")
    words = ["install", publisher.address, "bird", "--accept", "BIRD-1"]
    child = subprocess.Popen(
        [sys.executable, "-c", INSTALL, tmp_path / "engines.json", *words],
        env=child_environment(MODELS_DIR=str(models)),
    )
    wait_until(lambda: any(models.glob("*/new/bird.pth")), what="the second file")
    child.kill()
    child.wait()
    assert not (models / "bird").exists()
    assert "bird: 0 MB, not installed" in run("list")
    publisher.held.clear()
    assert "bird: installed" in run(*words)


def test_a_damaged_model_is_found_and_mended(models: Path, publisher: Publisher) -> None:
    run("install", publisher.address, "bird", "--accept", "BIRD-1")
    assert "bird: whole" in run("verify")
    network = models / "bird" / "bird.pth"
    network.write_bytes(b"A" + network.read_bytes()[1:])
    assert "model_damaged" in fail("verify")
    assert "bird: installed;" in run("install", publisher.address, "bird", "--accept", "BIRD-1")
    assert "bird: whole" in run("verify")
    publisher.asked.clear()
    assert "already installed" in run("install", publisher.address, "bird", "--accept", "BIRD-1")
    assert publisher.asked == []


def test_a_reinstall_keeps_what_an_operator_put_beside(models: Path, publisher: Publisher) -> None:
    (models / "bird" / "own").mkdir(parents=True)
    (models / "bird" / "own" / "config.json").write_bytes(b"mine")
    (models / "bird" / "link").symlink_to("own/config.json")
    (models / "bird" / "bird.pth").write_bytes(b"cut off")
    run("install", publisher.address, "bird", "--accept", "BIRD-1")
    assert names(models / "bird") == BIRD_FILES | {"own", "link"}
    assert (models / "bird" / "own" / "config.json").read_bytes() == b"mine"
    assert (models / "bird" / "link").is_symlink()
    assert "bird: whole" in run("verify")


def test_where_the_new_model_cannot_move_in_the_old_one_stays(
    models: Path, publisher: Publisher, monkeypatch: pytest.MonkeyPatch
) -> None:
    (models / "bird").mkdir(parents=True)
    (models / "bird" / "bird.pth").write_bytes(b"an older one")
    rename = Path.rename

    def refuse(path: Path, target: Path) -> Path:
        if path.name == "new":
            raise PermissionError(1, "Operation not permitted")
        return rename(path, target)

    monkeypatch.setattr(Path, "rename", refuse)
    assert "[models_folder]" in fail("install", publisher.address, "bird", "--accept", "BIRD-1")
    assert names(models) == {"bird"}
    assert (models / "bird" / "bird.pth").read_bytes() == b"an older one"


def convert_fish(models: Path) -> Path:
    """As a converter leaves it."""
    made = models / "fish"
    made.mkdir(parents=True)
    (made / "fish.bin").write_bytes(b"a fish that speaks")
    digest = hashlib.sha256(b"a fish that speaks").hexdigest()
    (made / "SHA256SUMS").write_text(f"{digest}  fish.bin\n")
    return made


def test_a_converted_model_is_there_without_what_it_was_made_of(models: Path) -> None:
    assert "fish: not installed, made of fish.source: 0 MB, not installed" in run("list")
    convert_fish(models)
    assert "fish: installed, verified, made of fish.source: 0 MB, not installed" in run("list")
    assert run("verify") == "fish: whole\n"


def test_what_was_fetched_is_told_from_what_is_made_of_it(
    models: Path, publisher: Publisher
) -> None:
    run("install", publisher.address, "fish", "--accept", "FISH-1")
    said = run("list")
    assert "fish: not installed, made of fish.source: 0 MB, installed, verified" in said
    assert f"Then, where its worker runs: convert {models}/fish.source {models}/fish" in said
    assert run("verify") == "fish.source: whole\n"


@pytest.mark.parametrize("harm", ["another", "absent", "unsummed", "garbled"])
def test_a_converted_model_that_is_damaged_is_found(models: Path, harm: str) -> None:
    made = convert_fish(models)
    if harm == "another":
        (made / "fish.bin").write_bytes(b"a fish that squeaks")
    elif harm == "absent":
        (made / "fish.bin").unlink()
    elif harm == "unsummed":
        (made / "SHA256SUMS").unlink()
    else:
        (made / "SHA256SUMS").write_text("no digest\n")
    assert "[model_damaged]" in fail("verify")
    assert ("fish: incomplete" in run("list")) == (harm != "another")


def test_list_tells_size_state_licence_and_the_way_to_get_it(
    models: Path, publisher: Publisher
) -> None:
    lines = run("list").splitlines()
    size = f"{sum(map(len, BIRD.values())) / 1e6:.0f} MB"
    assert f"bird: {size}, not installed; BIRD-1 (for birds alone)" in lines[2]
    assert lines[3].endswith("models install https://example.org/f bird")
    run("install", publisher.address, "bird", "--accept", "BIRD-1")
    assert "bird: 0 MB, installed, verified" in run("list")
    (models / "bird" / "config.json").unlink()
    assert "incomplete" in run("list")


def test_the_digests_are_kept_as_sha256sum_reads_them(models: Path, publisher: Publisher) -> None:
    run("install", publisher.address, "bird", "--accept", "BIRD-1")
    check = ["sha256sum", "--check", "--strict", "SHA256SUMS"]
    done = subprocess.run(check, cwd=models / "bird", capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_what_was_copied_by_hand_is_recorded_once_it_is_verified(models: Path) -> None:
    (models / "bird").mkdir(parents=True)
    for path, body in BIRD.items():
        (models / "bird" / Path(path).name).write_bytes(body)
    assert "bird: 0 MB, installed, unverified" in run("list")
    run("verify")
    assert "bird: 0 MB, installed, verified" in run("list")
