"""Models of cards are loaded, closed with all that they began, and started anew where they died."""

from __future__ import annotations

import signal
import threading
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest
import torch

from gpu_worker import equipment
from gpu_worker.batching.batch import SPOILT
from gpu_worker.engines.styletts2 import engine as styletts2_module
from gpu_worker.engines.styletts2.engine import StyleTts2Engine
from gpu_worker.engines.xtts import engine as xtts_module
from gpu_worker.engines.xtts import saying
from gpu_worker.engines.xtts.engine import Settings, XttsEngine
from gpu_worker.engines.xtts.stock import load_stock
from synthesis_worker.audio import join
from synthesis_worker.contract import EngineBusy, SpeechRequest
from tests.gpu.batches import Breaking, assert_same, with_head
from tests.gpu.styletts2_models import CLONING, small_model

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from gpu_worker.batching.utterances import Sound

pytestmark = [pytest.mark.filterwarnings("ignore"), pytest.mark.timeout(120)]


@pytest.fixture
def engine(quick_folder: Path) -> Iterator[XttsEngine]:
    made = XttsEngine(Settings(quick_folder, slots=2, accepted=True))
    yield made
    made.close()


def said(engine: XttsEngine, voice: bytes) -> Sound:
    return join(engine.synthesize(SpeechRequest("Go.", "en", "xtts_v2", artifact=voice))).samples


def test_where_the_batch_has_died_the_next_request_has_another(
    engine: XttsEngine, voices: list[bytes]
) -> None:
    whole, batch = said(engine, voices[0]), engine._model().batch
    head = Breaking(batch._weights.head, lambda *_: True, SystemExit)
    batch._floor, batch._weights = None, with_head(batch._weights, head)
    with pytest.raises(EngineBusy) as refused:
        said(engine, voices[0])
    assert (refused.value.code, refused.value.permanent) == ("engine_failed", False)
    batch._thread.join()
    engine.load()
    assert engine._model().batch is not batch
    assert_same([said(engine, voices[0])], [whole])


def test_what_is_being_loaded_while_the_engine_is_closed_is_closed_as_well(
    engine: XttsEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    began, goes_on = threading.Event(), threading.Event()

    def slow(*given: Any) -> Any:
        began.set()
        assert goes_on.wait(60)
        return load_stock(*given)

    monkeypatch.setattr(xtts_module, "load_stock", slow)
    loading, closing = (threading.Thread(target=one) for one in (engine.load, engine.close))
    loading.start()
    assert began.wait(60)
    closing.start()
    goes_on.set()
    loading.join()
    closing.join()
    assert not engine._model().batch._thread.is_alive()


def full(*_: Any, **__: Any) -> None:
    raise torch.OutOfMemoryError("as the test wants it")


def test_without_memory_for_its_model_an_engine_is_busy(
    quick_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(xtts_module, "load_stock", full)
    monkeypatch.setattr(styletts2_module, "load_networks", full)
    engines = (
        XttsEngine(Settings(quick_folder, accepted=True)),
        StyleTts2Engine(small_model(CLONING).folder, accepted=True),
    )
    for engine in engines:
        with pytest.raises(EngineBusy) as refused:
            engine.load()
        assert (refused.value.code, refused.value.permanent) == ("no_memory", False)


def test_a_card_that_fails_before_the_batch_is_asked_is_given_up_too(
    quick_folder: Path, voices: list[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    given_up: list[bool] = []
    give_up = partial(given_up.append, True)
    engine = XttsEngine(Settings(quick_folder, slots=1, accepted=True, give_up=give_up))
    for error, times in ((torch.OutOfMemoryError, 0), (RuntimeError, 1)):
        monkeypatch.setattr(saying, "prefix_of", partial(_fail, error))
        for _ in range(SPOILT):
            with pytest.raises(EngineBusy):
                said(engine, voices[0])
        assert len(given_up) == times
    engine.close()


def _fail(error: type[Exception], *_: Any) -> None:
    raise error("as the test wants it")


@pytest.fixture
def told() -> Iterator[list[int]]:
    """The orders to end that this process has had."""
    heard: list[int] = []
    before = signal.signal(signal.SIGTERM, lambda number, _: heard.append(number))
    yield heard
    signal.signal(signal.SIGTERM, before)


def test_a_worker_whose_card_is_spoilt_tells_itself_to_end(
    told: list[int], settings: Any, tmp_path: Path
) -> None:
    """From the thread that owns the card, as whoever stops a worker does."""
    settings.MODELS_DIR, settings.ACCEPTED_LICENCES = tmp_path, ["CPML"]
    give_up = equipment.xtts()._settings.give_up
    assert give_up is equipment.end_process
    thread = threading.Thread(target=give_up)
    thread.start()
    thread.join()
    assert told == [signal.SIGTERM]
