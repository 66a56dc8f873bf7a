"""The recogniser that an operator may install: found in a folder or not, and never fetched."""

from __future__ import annotations

import gc
import shutil
import socket
import warnings
import weakref
from typing import TYPE_CHECKING, Any

import pytest

from gpu_worker import equipment
from gpu_worker.training.dataset.recogniser import FILES, WhisperRecogniser, find_recogniser
from synthesis_worker.contract import Unsupported
from tests.gpu.read_aloud import sentence

if TYPE_CHECKING:
    from pathlib import Path

    from gpu_worker.training.dataset.recogniser import Recogniser

TEXT = "Nothing measures pleasure like a long walk home."


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from tests.gpu.small_whisper import save_whisper

        return save_whisper(tmp_path_factory.mktemp("whisper"))


@pytest.fixture
def recogniser(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Recogniser:
    """On a machine without a network."""

    def refuse(*_: object) -> None:
        raise AssertionError("it asked the network")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    found, why = find_recogniser(folder)
    assert found is not None, why
    return found


def test_without_a_folder_there_is_none_and_it_says_so(tmp_path: Path) -> None:
    assert find_recogniser(None) == (None, "No folder with a Whisper model is set.")
    assert find_recogniser(tmp_path / "gone")[0] is None


@pytest.mark.parametrize("name", FILES)
def test_a_folder_that_lacks_a_file_is_none_and_names_it(
    folder: Path, tmp_path: Path, name: str
) -> None:
    half = shutil.copytree(folder, tmp_path / "half")
    (half / name).unlink()
    found, why = find_recogniser(half)
    assert found is None
    assert name in why


def test_without_the_package_there_is_none(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    module = "gpu_worker.training.dataset.recogniser.find_spec"
    monkeypatch.setattr(module, lambda _: None)
    found, why = find_recogniser(folder)
    assert found is None
    assert "faster-whisper" in why


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_an_installed_model_hears_words_in_order_and_the_same_each_time(
    recogniser: Recogniser,
) -> None:
    sound = sentence(TEXT)
    heard = list(recogniser.words(sound, "en-GB"))
    assert heard
    assert all(word.start <= word.end <= 30 for word in heard)
    assert heard == sorted(heard, key=lambda word: word.start)
    assert list(recogniser.words(sound, "en-GB")) == heard


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_while_it_rests_its_model_is_not_in_memory_and_it_hears_again(
    recogniser: Recogniser,
) -> None:
    sound = sentence(TEXT)
    heard = list(recogniser.words(sound, "en-GB"))
    model = weakref.ref(recogniser._loaded)  # type: ignore[attr-defined]
    recogniser.rest()
    gc.collect()
    assert model() is None
    assert list(recogniser.words(sound, "en-GB")) == heard


@pytest.mark.parametrize(
    ("device", "name", "number"), [("cpu", "cpu", 0), ("cuda", "cuda", 0), ("cuda:1", "cuda", 1)]
)
def test_it_computes_on_the_card_that_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, device: str, name: str, number: int
) -> None:
    """As ctranslate2 wants it said, which knows no `cuda:1`."""
    told: dict[str, Any] = {}
    monkeypatch.setattr("faster_whisper.WhisperModel", lambda _, **more: told.update(more))
    WhisperRecogniser(tmp_path, device)._model()
    assert (told["device"], told["device_index"]) == (name, number)


def test_all_trainers_of_a_worker_have_one_recogniser(folder: Path, settings: Any) -> None:
    settings.WHISPER_DIR = str(folder)
    piper, xtts = equipment.piper_training(), equipment.xtts_training()
    assert piper.recogniser is not None
    assert piper.recogniser is xtts.recogniser


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_a_language_that_it_does_not_know_is_refused(recogniser: Recogniser) -> None:
    with pytest.raises(Unsupported) as caught:
        list(recogniser.words(sentence(TEXT), "tlh"))
    assert caught.value.code == "language_unsupported"
