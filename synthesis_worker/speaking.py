"""Speaking a text: by its engine, or from a render that is there, until its file is kept."""

from __future__ import annotations

import logging
import math
import time
from contextlib import closing
from functools import partial
from typing import TYPE_CHECKING

from django.conf import settings

from jobs.answering import check_stop
from jobs.keeper import Stop
from jobs.patience import InterruptedJobError, patiently
from jobs.services.endings import is_anothers
from jobs.tallies import RATIOS, count, observe
from synthesis_worker import audio
from synthesis_worker.artifacts import Kept
from synthesis_worker.contract import ModelMissing, SpeechEngine, SpeechRequest, Waveform
from synthesis_worker.equipment import engines
from synthesis_worker.fetching import fetch
from synthesis_worker.telling import ProgressTeller
from voices import renders, storage
from voices.accepting import ENCODER
from voices.owning.removals import remove_now
from voices.owning.standing import hold_voice_of
from voices.renders import MASTER, File, FoundRender
from voices.results import charge_for, result_for
from voices.routing import CHARACTERS_PER_SECOND
from voices.store import ObjectDamaged, ObjectMissing, StoreError, artifact_name, audio_name

if TYPE_CHECKING:
    from jobs.keeper import Held
    from jobs.services.claims import ClaimedJob

FINISHING = 4.0  # seconds beyond a drain's patience; whoever stops workers gives them ten more
MEGABYTE = 2**20

artifacts: Kept[bytes] = Kept(weigh=len, heaviest=settings.ARTIFACT_MEMORY * MEGABYTE)
log = logging.getLogger(__name__)


def speak_or_reuse(job: ClaimedJob, held: Held) -> None:
    """Finish from a render that is ready (another job may have made it meanwhile), or speak."""
    patiently(held, partial(hold_voice_of, job))  # before anything of a stopped voice is loaded
    render = _find_render(job, held)
    if render is None:
        _speak(job, held)
    elif file := render.file(job.request["format"], job.request.get("sample_rate")):
        _finish(job, held, render, file, cached=True)
    elif (master := _read_master(job, held, render)) is not None:
        _finish(job, held, render, _store_file(job, held, master), cached=True)
    else:
        _speak(job, held)


def _find_render(job: ClaimedJob, held: Held) -> FoundRender | None:
    key = job.binding["render"]
    found = patiently(held, partial(renders.find_renders, [key])).get(key)
    if found is None or found.ready:
        return found
    if found.job_id != job.id:  # whoever was to make it has ended, and we inherited its work
        patiently(held, partial(renders.take_over_render, key, job.id))
    return None


def _speak(job: ClaimedJob, held: Held) -> None:
    began = time.monotonic()
    spoken = _collect(job, held)
    _observe_render(job.engine, time.monotonic() - began, spoken.seconds)
    sha256 = _store(job, held, audio.encode(spoken, MASTER), MASTER)
    render = FoundRender(
        job.binding["render"], job.id, sha256, spoken.seconds, spoken.sample_rate, job.engine
    )
    try:
        file = _store_file(job, held, spoken)
    except Exception:
        _take_back(job, [audio_name(job.tenant_id, sha256, MASTER)])
        raise
    _finish(job, held, render, file, cached=False)


def _observe_render(engine: str, took: float, spoken: float) -> None:
    observe("voicemill_render_seconds", took, engine=engine)
    count("voicemill_rendered_audio_seconds_total", spoken, engine=engine)
    if spoken:
        observe("voicemill_real_time_factor", took / spoken, RATIOS, engine=engine)


def _collect(job: ClaimedJob, held: Held) -> Waveform:
    """All the engine says, looking up between two chunks whether to go on.

    A drain is heeded only where another chunk comes: what is spoken to its end is not thrown away.
    Some chunks hold no sound: they come where an engine has none yet, so that one looks up.
    """
    chunks: list[Waveform] = []
    engine, meter = _engine(job.engine), ProgressMeter(job)
    drain = Drain(held, engine)
    with closing(engine.synthesize(_speech_request(job, held))) as speech:
        for chunk in speech:
            drain.heed()
            chunks.append(chunk)
            meter.add(chunk.seconds)
            drain.look(sounds=meter.seconds > 0)
    drain.look(sounds=True)
    return audio.join(chunks)


class Drain:
    """Whether a drain leaves time for another chunk: where the engine finishes what has begun."""

    def __init__(self, held: Held, engine: SpeechEngine) -> None:
        self._held, self._engine = held, engine
        self._ends = math.inf

    def look(self, *, sounds: bool) -> None:
        """Raises where the work is to end for any other reason."""
        if self._held.stop is not Stop.DRAINED:
            check_stop(self._held)
            self._ends = math.inf
        elif math.isinf(self._ends):
            finishes = sounds and self._engine.capabilities.finishes
            self._ends = time.monotonic() + (FINISHING if finishes else 0.0)

    def heed(self) -> None:
        if time.monotonic() >= self._ends:
            raise InterruptedJobError


def _engine(name: str) -> SpeechEngine:
    if name == ENCODER:
        raise ModelMissing("There is nothing to encode any more.", code="master_missing")
    if name not in engines():
        raise ModelMissing(f"This worker has no engine {name!r}.", code="engine_missing")
    return engines()[name]


def _speech_request(job: ClaimedJob, held: Held) -> SpeechRequest:
    binding = job.binding
    return SpeechRequest(
        text=job.request["spoken"],
        language=job.request["language"],
        model=binding["model"],
        speaker=binding["speaker"],
        dials=binding["dials"],
        seed=binding["seed"],
        artifact=_artifact(job, held),
    )


def _artifact(job: ClaimedJob, held: Held) -> bytes | None:
    """What was cloned of the speaker, if somebody was."""
    if (sha256 := job.binding.get("artifact")) is None:
        return None
    name = artifact_name(job.tenant_id, sha256)
    return artifacts.get(name, partial(fetch, name, held))


class ProgressMeter(ProgressTeller):
    """Tells how much of the expected audio is there."""

    def __init__(self, job: ClaimedJob) -> None:
        super().__init__(job)
        speed = job.binding["dials"].get("speed", 1.0)
        self.expected = len(job.request["spoken"]) / CHARACTERS_PER_SECOND / speed
        self.seconds = 0.0

    def add(self, seconds: float) -> None:
        self.seconds += seconds
        self.tell(self.seconds / self.expected)


def _store_file(job: ClaimedJob, held: Held, spoken: Waveform) -> File:
    """The file as it was asked for, its loudness set once."""
    level = audio.normalise(spoken, settings.LOUDNESS, settings.PEAK)
    asked: str = job.request["format"]
    rate = audio.format_named(asked).nearest_rate(
        job.request.get("sample_rate") or spoken.sample_rate
    )
    data = audio.encode(level, asked, rate)
    return File(_store(job, held, data, asked), asked, len(data), rate)


def _store(job: ClaimedJob, held: Held, data: bytes, audio_format: str) -> str:
    put = partial(storage.put_audio, job.tenant_id, data, audio_format)
    return patiently(held, put, away=(StoreError,))


def _read_master(job: ClaimedJob, held: Held, render: FoundRender) -> Waveform | None:
    """What was spoken before; None where the store has lost it, or has spoilt it."""
    name = audio_name(job.tenant_id, render.sha256, MASTER)
    try:
        data = fetch(name, held)
    except ObjectMissing as error:
        log.warning("a master is made again: %s", error)
        return None
    except ObjectDamaged as error:
        log.warning("a master is made again: %s", error)
        patiently(held, partial(storage.audio_store().delete, name), away=(StoreError,))
        return None
    return audio.decode(data)


def _finish(job: ClaimedJob, held: Held, render: FoundRender, file: File, *, cached: bool) -> None:
    finish = partial(
        renders.finish_synthesis,
        job,
        render=render,
        file=file,
        result=result_for(job.request, job.plan[job.step], render, file, cached=cached),
        charge=charge_for(job.request, render, cached=cached),
    )
    done = False
    try:
        done = patiently(held, finish)
    finally:
        if not done:
            _take_back(job, _stored(job, render, file))


def _take_back(job: ClaimedJob, names: list[str]) -> None:
    """What a voice of one's own said and nobody got, unless another worker has the job by now."""
    if "own_voice" in job.request and not is_anothers(job):
        remove_now(names)


def _stored(job: ClaimedJob, render: FoundRender, file: File) -> list[str]:
    found = ((render.sha256, MASTER), (file.sha256, file.format))
    return [audio_name(job.tenant_id, *one) for one in found]
