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
from gpu_worker.batching.replay import on_card
from gpu_worker.batching.room import Room
from gpu_worker.batching.utterances import Stream

if TYPE_CHECKING:
    from collections.abc import Callable

    from gpu_worker.batching.floor import Shape
    from gpu_worker.batching.transformer import Weights
    from gpu_worker.batching.utterances import Utterance
    from gpu_worker.batching.vocoder import Decoder

log = logging.getLogger(__name__)

# Failures without a sound between: the device is past what a new beginning mends. Fewer than
# MAX_FAILURES, or a lone job would end by its device's fault before the device is given up.
SPOILT = 3


class NoMemoryError(Exception):
    """The device cannot hold even one utterance now."""


class BrokenError(Exception):
    """The batch failed, or is closed. Says how, and keeps nothing of what failed in memory."""


class Batch:
    """Speaks many utterances at once. `close` returns when all that were asked have been spoken."""

    def __init__(
        self,
        weights: Weights,
        decoder: Decoder,
        shape: Shape,
        give_up: Callable[[], None] | None = None,
    ) -> None:
        self._weights, self._decoder, self.shape = weights, decoder, shape
        self._give_up = give_up  # told once, where the device is spoilt for this process
        self.steps = 0  # runs of the decoder, each for all that sit
        self.broken = False  # its thread has died: whoever wants to speak needs another batch
        self._failures, self._counting = 0, threading.Lock()
        self._room = Room(shape.slots)
        self._entrance = Entrance()
        self._floor: Floor | None = None
        self._ready = threading.Event()
        self._thread = threading.Thread(target=self._run, name="batch", daemon=True)
        self._thread.start()
        self._ready.wait()

    def speak(self, utterance: Utterance) -> Stream:
        if len(utterance.prefix) > self.shape.longest_prefix:
            raise ValueError(f"a prefix of {len(utterance.prefix)} places")
        stream = Stream(utterance)
        if not self._entrance.put(stream):
            stream.end(BrokenError("the batch is closed"))
        return stream

    def note_failure(self) -> None:
        """By any thread that the device has failed for no other reason."""
        with self._counting:
            self._failures += 1
            given_up = self._failures == SPOILT
        if given_up and self._give_up:
            log.critical("%d failures without a sound between: giving up", SPOILT)
            self._give_up()

    def close(self) -> None:
        self._entrance.close()
        self._thread.join()

    @torch.inference_mode()
    def _run(self) -> None:
        try:
            self._serve()
        except BaseException:
            self.broken = True
            log.critical("the batch has died", exc_info=True)
        finally:
            self._lock_up()

    def _serve(self) -> None:
        self._attempt(self._prepare)
        self._ready.set()
        while (self._floor and self._floor.streams) or self._entrance.wait():
            self._attempt(self._turn)

    def _lock_up(self) -> None:
        """Nobody may wait for ever."""
        self._entrance.close()
        self._ready.set()
        left = self._floor.streams if self._floor else []
        while (stream := self._entrance.take()) is not None:
            left.append(stream)
        for stream in left:
            stream.end(BrokenError("the batch has died"))
        self._floor = None

    def _attempt(self, work: Callable[[], None]) -> None:
        """What fails is mended."""
        try:
            work()
        except torch.OutOfMemoryError as error:
            mend = partial(self._shrink, str(error))
        except Exception as error:
            log.exception("the batch failed and begins anew")
            mend = partial(self._fail, _said(error))
        else:
            return
        mend()  # not before the error has let go of the tensors it came from

    def _prepare(self) -> None:
        """What a card is asked for the first time takes long: before anybody waits for it."""
        device = self._weights.tokens.weight.device
        if on_card(device):
            torch.cuda.set_device(device)  # of this thread: else all but the first card are refused
            self._floor = Floor(self._weights, self._decoder, self.shape)
            self._floor.prepare()

    def _turn(self) -> None:
        floor = self._floor = self._roomy() or Floor(self._weights, self._decoder, self.shape)
        while not (floor.full or self._room.due) and (stream := self._entrance.take()) is not None:
            self._seat(floor, stream)
        if floor.streams:
            floor.go_on()
            self.steps += self.shape.look_every
            self._failures = 0

    def _roomy(self) -> Floor | None:
        """The floor, unless it is time to have all that were asked for, and nobody sits."""
        if self._room.due and not (self._floor and self._floor.streams):
            self._room.restore()
            self._resize()
        return self._floor

    def _seat(self, floor: Floor, stream: Stream) -> None:
        """Who cannot be seated for reasons of his own ends alone."""
        try:
            floor.seat(stream)
        except torch.OutOfMemoryError:
            raise
        except Exception as error:
            log.exception("an utterance could not begin")
            floor.dismiss(stream)
            stream.end(BrokenError(_said(error)))
            self.note_failure()

    def _shrink(self, said: str) -> None:
        """Begin anew with half the slots; what was given of a stream is not given twice."""
        if self.shape.slots == 1:
            log.error("no memory for a single utterance: %s", said)
            self._empty(NoMemoryError, said)
            return
        self._room.halve()
        for stream in self._concerned():
            self._entrance.put_back(stream)
        self._resize()

    def _resize(self) -> None:
        self.shape = replace(self.shape, slots=self._room.slots)
        log.warning("going on with %d slots", self.shape.slots)
        self._clear()

    def _fail(self, said: str) -> None:
        self._empty(BrokenError, said)
        self.note_failure()

    def _empty(self, kind: type[Exception], said: str) -> None:
        """End all that sit."""
        for stream in self._concerned():
            stream.end(kind(said))
        self._clear()

    def _concerned(self) -> list[Stream]:
        """Who sits. Where there was no place for any seat: who would have had the first."""
        if self._floor is not None:
            return self._floor.streams
        first = self._entrance.take()
        return [first] if first else []

    def _clear(self) -> None:
        self._floor = None
        gc.collect()  # slots and their recorded steps know each other
        with suppress(RuntimeError):  # a card past mending says so again when it is next asked
            torch.cuda.empty_cache()


def _said(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"
