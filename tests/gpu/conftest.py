"""Models of the real make, built once a run; one thread, so that sums come in one order."""

from __future__ import annotations

import warnings
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from gpu_worker.batching.batch import Batch
    from gpu_worker.batching.transformer import Weights
    from gpu_worker.batching.utterances import Sound
    from gpu_worker.batching.vocoder import Decoder
    from gpu_worker.engines.xtts.engine import XttsEngine


@pytest.fixture(scope="session", autouse=True)
def one_thread() -> None:
    import torch

    torch.set_num_threads(1)


@pytest.fixture(scope="session")
def xtts_folder(tmp_path_factory: pytest.TempPathFactory, one_thread: None) -> Path:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from tests.gpu.xtts_models import narrow_vocoder, save_model

        narrow_vocoder()
        return save_model(tmp_path_factory.mktemp("xtts"), most=120)


@pytest.fixture(scope="session")
def stock(xtts_folder: Path) -> Iterator[Any]:
    """The model as Coqui loads it: the oracle. Nobody but the test that asks uses it meanwhile."""
    import torch

    from gpu_worker.engines.xtts.stock import load_stock

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield load_stock(xtts_folder, torch.device("cpu"))


@pytest.fixture(scope="session")
def quick_folder(tmp_path_factory: pytest.TempPathFactory, one_thread: None) -> Path:
    """A model that speaks for a second at the most."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from tests.gpu.xtts_models import narrow_vocoder, save_model

        narrow_vocoder()
        return save_model(tmp_path_factory.mktemp("xtts_quick"), most=24, sure=2.0)


@pytest.fixture(scope="session")
def xtts(quick_folder: Path) -> Iterator[XttsEngine]:
    from gpu_worker.engines.xtts.engine import Settings, XttsEngine

    engine = XttsEngine(Settings(quick_folder, slots=4, accepted=True))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        engine.load()
    yield engine
    engine.close()


@pytest.fixture(scope="session")
def voices(xtts: XttsEngine) -> list[bytes]:
    """Two clones."""
    from tests.gpu.xtts_models import sample

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return [xtts.clone([sample(pitch)], lambda _: None).data for pitch in (0.0, 0.5)]


@pytest.fixture(scope="session")
def xtts_base(quick_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same model, with what training needs."""
    from tests.gpu.xtts_lessons import make_trainable

    return make_trainable(tmp_path_factory.mktemp("base") / "xtts", quick_folder)


@pytest.fixture(scope="session")
def xtts_clips(tmp_path_factory: pytest.TempPathFactory) -> Path:
    from tests.gpu.xtts_lessons import TEXTS, save_clips, spoken

    clips = [(text, spoken(text)) for text in TEXTS]
    return save_clips(tmp_path_factory.mktemp("data") / "set", clips)


@pytest.fixture(scope="session")
def lesson(
    xtts_base: Path, xtts_clips: Path, tmp_path_factory: pytest.TempPathFactory
) -> list[dict[str, Any]]:
    """What was told of a training with giant steps: its voice is far from its base."""
    from gpu_worker.training.xtts import base
    from tests.gpu.xtts_lessons import task, train

    work = tmp_path_factory.mktemp("lesson") / "work"
    with warnings.catch_warnings(), pytest.MonkeyPatch.context() as patch:
        warnings.simplefilter("ignore")
        patch.setattr(base, "LEARNING_RATE", 3e-3)
        return train(task(xtts_base, xtts_clips, work, steps=12))


@pytest.fixture(scope="session")
def taught(lesson: list[dict[str, Any]]) -> bytes:
    """The trained voice."""
    from pathlib import Path

    return Path(lesson[-1]["artifact"]).read_bytes()


@pytest.fixture
def place(tmp_path: Path, settings: Any) -> Path:
    """Where trainings have their folders; workers that a test starts have it too."""
    settings.TRAINING_DIR = tmp_path / "trainings"
    settings.TRAINING_DIR.mkdir()
    return tmp_path / "trainings"


@pytest.fixture(scope="module")
def weights(stock: Any) -> Weights:
    from gpu_worker.engines.xtts.parts import weights_of

    return weights_of(stock)


@pytest.fixture(scope="module")
def decoder(stock: Any) -> Decoder:
    from gpu_worker.engines.xtts.parts import decoder_of

    return decoder_of(stock)


@pytest.fixture
def open_batch(weights: Weights, decoder: Decoder) -> Iterator[Callable[..., Batch]]:
    """Closed when the test has ended."""
    from gpu_worker.batching.batch import Batch
    from gpu_worker.batching.floor import Shape
    from tests.gpu.batches import LONGEST

    opened: list[Batch] = []

    def build(slots: int, **changed: Any) -> Batch:
        batch = Batch(replace(weights, **changed), decoder, Shape(slots, LONGEST))
        opened.append(batch)
        return batch

    yield build
    for batch in opened:
        batch.close()


@pytest.fixture(scope="module")
def alone(weights: Weights, decoder: Decoder) -> list[Sound]:
    """Eight utterances, one after the other."""
    from gpu_worker.batching.batch import Batch
    from gpu_worker.batching.floor import Shape
    from tests.gpu.batches import LONGEST, utterances, whole

    batch = Batch(weights, decoder, Shape(1, LONGEST))
    sounds = [whole(batch.speak(one)) for one in utterances(weights, 8)]
    batch.close()
    return sounds
