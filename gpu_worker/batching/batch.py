"""The one thread that owns the model: it lets streams in between steps, and mends what breaks."""

from __future__ import annotations

import gc
import logging
import threading
from contextlib import suppress
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

import torch

from gpu_worker.batching.entrance import Entrance
from gpu_worker.batching.floor import Floor
from gpu_worker.batching.utterances import Stream

if TYPE_CHECKING:
    from gpu_worker.batching.floor import Shape
    from gpu_worker.batching.transformer import Weights
    from gpu_worker.batching.utterances import Utterance
    from gpu_worker.batching.vocoder import Decoder

log = logging.getLogger(__name__)


class NoMemoryError(Exception):
    """The device cannot hold even one utterance now."""


class BrokenError(Exception):
    """The batch failed, or is closed. Says how, and keeps nothing of what failed in memory."""


class Batch:
    """Speaks many utterances at once. `close` returns when all that were asked have been spoken."""

    def __init__(self, weights: Weights, decoder: Decoder, shape: Shape) -> None:
        self._weights, self._decoder, self.shape = weights, decoder, shape
        self.steps = 0  # runs of the decoder, each for all that sit
        self._entrance = Entrance()
        self._floor: Floor | None = None
        self._thread = threading.Thread(target=self._run, name="batch", daemon=True)
        self._thread.start()

    def speak(self, utterance: Utterance) -> Stream:
        if len(utterance.prefix) > self.shape.longest_prefix:
            raise ValueError(f"a prefix of {len(utterance.prefix)} places")
        stream = Stream(utterance)
        if not self._entrance.put(stream):
            stream.end(BrokenError("the batch is closed"))
        return stream

    def close(self) -> None:
        self._entrance.close()
        self._thread.join()

    @torch.inference_mode()
    def _run(self) -> None:
        while (self._floor and self._floor.streams) or self._entrance.wait():
            try:
                self._turn()
                continue
            except torch.OutOfMemoryError as error:
                mend = partial(self._shrink, str(error))
            except Exception as error:  # whatever it is, nobody may wait for ever
                log.exception("the batch failed and begins anew")
                mend = partial(self._empty, BrokenError, _said(error))
            mend()  # not before the error has let go of the tensors it came from

    def _turn(self) -> None:
        floor = self._floor = self._floor or Floor(self._weights, self._decoder, self.shape)
        while not floor.full and (stream := self._entrance.take()) is not None:
            _seat(floor, stream)
        if floor.streams:
            floor.go_on()
            self.steps += self.shape.look_every

    def _shrink(self, said: str) -> None:
        """Begin anew with half the slots; what was given of a stream is not given twice."""
        if self.shape.slots == 1:
            log.error("no memory for a single utterance: %s", said)
            self._empty(NoMemoryError, said)
            return
        seated = self._seated()
        self.shape = replace(self.shape, slots=self.shape.slots // 2)
        log.warning("out of memory: going on with %d slots", self.shape.slots)
        self._clear()
        for stream in seated:
            self._entrance.put_back(stream)

    def _empty(self, kind: type[Exception], said: str) -> None:
        """End all that sit."""
        for stream in self._seated():
            stream.end(kind(said))
        self._clear()

    def _seated(self) -> list[Stream]:
        """Where there was no place for any seat: who would have had the first."""
        if self._floor is not None:
            return self._floor.streams
        first = self._entrance.take()
        return [first] if first else []

    def _clear(self) -> None:
        self._floor = None
        gc.collect()  # slots and their recorded steps know each other
        with suppress(RuntimeError):  # a card past mending says so again when it is next asked
            torch.cuda.empty_cache()


def _seat(floor: Floor, stream: Stream) -> None:
    """Who cannot be seated for reasons of his own ends alone."""
    try:
        floor.seat(stream)
    except torch.OutOfMemoryError:
        raise
    except Exception as error:
        log.exception("an utterance could not begin")
        floor.dismiss(stream)
        stream.end(BrokenError(_said(error)))


def _said(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"
