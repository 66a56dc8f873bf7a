"""What the page of a voice of one's own shows; its scripts ask the API for what moves."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from tenants.admin.owned import member_of
from tenants.admin.words import badge
from tenants.limits import limits_of
from tenants.roles import Right, Role, may
from voices import dials
from voices.models import Revision, Status
from voices.owning.consent_texts import consent_texts
from voices.owning.greeting import sentence_in
from voices.owning.learning import TRAIN
from voices.owning.scorecard import scorecard_of
from voices.owning.selectors import jobs_of
from voices.owning.trainers import STEPS as STEPS_DIAL
from voices.samples.errors import ScriptNotFoundError
from voices.samples.script import LENGTHS, recording_script
from voices.samples.selectors import owner_of
from voices.selectors import current_offers
from voices.text.languages import primary_language
from voices.transcripts import ONE_CLIP

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from uuid import UUID

    from django.http import HttpRequest
    from django.utils.safestring import SafeString

    from voices.models import Voice
    from voices.owning.scorecard import Score
    from voices.samples.script import Script

MEGABYTE = 1024 * 1024
STATES = {
    Status.NONE: ("new", "plain", "No sound yet: upload recordings, then clone or train it."),
    Status.TRAINING: ("being made", "info", "You may leave this page; the work goes on."),
    Status.READY: ("ready", "good", "Jobs may ask for it."),
    Status.FAILED: ("failed", "bad", "It cannot speak. What to do stands below."),
}
BASIC = ("stability", "similarity_boost", "style", "use_speaker_boost", "speed")
STEPS = (0.01, 0.05, 0.1, 0.5, 1.0)
UNMEASURED = "not measured"
SCORES = {
    "snr_db": ("Speech above noise", "{:.0f} dB"),
    "loudness_lufs": ("Loudness", "{:.1f} LUFS"),
    "bandwidth_hz": ("Bandwidth", "{:,.0f} Hz"),
    "one_speaker": ("One speaker", "{:.0%} sure"),
}
MOVES = 40  # a slider has at least, from end to end


@dataclass(frozen=True, slots=True)
class Slider:
    """A setting as the page draws it."""

    name: str
    label: str
    says: str
    low: str
    high: str
    step: str
    digits: int
    switch: bool


class VoicePage:
    """For one voice and the person who looks at it."""

    one_clip = f"{ONE_CLIP:g}"

    def __init__(self, voice: Voice, request: HttpRequest) -> None:
        self.voice, self.member = voice, member_of(request)
        self._state = STATES[Status(voice.status)]

    @cached_property
    def may(self) -> dict[str, bool]:
        """By right; the platform's staff may everything."""
        role = None if self.member is None else Role(self.member.role)
        return {right.value: role is None or may(role, right) for right in Right}

    @property
    def status(self) -> SafeString:
        name, tone, _ = self._state
        return badge(name, tone)

    @property
    def meaning(self) -> str:
        return self._state[2]

    @cached_property
    def jobs(self) -> list[UUID]:
        """What makes it now, to be followed to its end, also if that has just come."""
        return jobs_of(self.voice) if self.voice.status == Status.TRAINING else []

    @cached_property
    def is_being_trained(self) -> bool:
        """And not cloned."""
        return self.voice.makings.filter(kind=TRAIN, job_id__in=self.jobs).exists()

    @property
    def is_cloned(self) -> bool:
        return self.voice.artifacts.exists()

    @property
    def can_roll_back(self) -> bool:
        return self.voice.revisions.filter(state=Revision.State.RETIRED).exists()

    @property
    def sample_limit(self) -> str:
        return f"{limits_of(owner_of(self.voice)).sample_bytes / MEGABYTE:g} MB"

    @cached_property
    def engines(self) -> list[str]:
        """Those that clone."""
        return sorted({one.engine for one in self._offers if one.capabilities.get("clones")})

    @property
    def was_trained(self) -> bool:
        return self.voice.makings.filter(kind=TRAIN).exists()

    @cached_property
    def trainers(self) -> list[dict[str, Any]]:
        """Whose voices can be trained, and in how many steps unless somebody says."""
        trains = {one.capabilities.get("trains"): one.capabilities for one in self._offers}
        return [_trainer(engine, trains[engine]) for engine in sorted(filter(None, trains))]

    @cached_property
    def _offers(self) -> Sequence[Any]:
        return current_offers()

    @property
    def lengths(self) -> list[str]:
        """How much the engines want to hear, in their own figures."""
        wanted = {one.engine: one.capabilities.get("clone_seconds") for one in self._offers}
        return [
            f"{engine} clones from {span[0]:g} to {span[1]:g} seconds in all"
            for engine, span in sorted(wanted.items())
            if span
        ]

    @property
    def scripts(self) -> list[Script]:
        """What to read aloud: for a clone, and for a training."""
        return [self._script(length) for length in LENGTHS]

    def _script(self, length: str) -> Script:
        try:
            return recording_script(self.voice.language, length)
        except ScriptNotFoundError:
            return recording_script("en", length)

    @property
    def consent(self) -> dict[str, str]:
        newest = consent_texts()[0]
        words = newest.texts.get(primary_language(self.voice.language), newest.texts["en"])
        return {"version": newest.version, "text": words}

    @property
    def dials(self) -> list[dict[str, Any]]:
        advanced = [name for name in dials.SETTINGS if name not in BASIC]
        return [
            {"title": "", "dials": [slider(name) for name in BASIC]},
            {"title": "Advanced", "dials": [slider(name) for name in advanced]},
        ]

    @property
    def sentence(self) -> str:
        return sentence_in(self.voice.language)

    @cached_property
    def sides(self) -> list[list[str]]:
        """Two ways to be heard side by side, each with the engines that speak it."""
        bound = self.voice.revisions.exclude(state=Revision.State.RETIRED)
        engines = sorted(set(bound.values_list("bindings__engine", flat=True)) - {None})
        return [engines, engines]

    @property
    def scorecard(self) -> dict[str, str]:
        card = scorecard_of(self.voice)
        told = {"Recordings in use": f"{card.usable}, {card.seconds:.1f} s"}
        for name, (words, form) in SCORES.items():
            told[words] = form.format(card.measures[name]) if name in card.measures else UNMEASURED
        told.update(map(_scored, card.clones))
        return told


def _trainer(engine: str, capabilities: Mapping[str, Any]) -> dict[str, Any]:
    span = capabilities.get("train_seconds")
    return {
        "engine": engine,
        "steps": int(capabilities["dials"][STEPS_DIAL]["default"]),
        "transcribes": bool(capabilities.get("transcribes")),
        "wants": f"{span[0]:g} to {span[1]:g} seconds of speech" if span else "any length",
    }


def _scored(score: Score) -> tuple[str, str]:
    """A clone by its likeness; a training by how long it learnt from how much."""
    engine = f"{score.engine}, draft" if score.state == Revision.State.DRAFT else score.engine
    if score.kind == TRAIN:
        return f"Trained, {engine}", _learnt(score.about)
    likeness = UNMEASURED if score.likeness is None else f"{score.likeness:.0%}"
    return f"Likeness, {engine}", likeness


def _learnt(about: Mapping[str, Any]) -> str:
    """How long from how much, and what it began with: a base's name, or nothing."""
    told = f"{about.get('steps', 0):,} steps, {about.get('seconds', 0) / 60:.1f} min of speech"
    base = about.get("base")
    name = base["name"] if isinstance(base, dict) else base
    return f"{told}, from {name}" if name else told


def slider(name: str) -> Slider:
    setting = dials.SETTINGS[name]
    fine = (setting.high - setting.low) / MOVES
    step = max((one for one in STEPS if one <= fine), default=STEPS[0])
    return Slider(
        name=name,
        label=name.removeprefix("use_").replace("_", " ").capitalize(),
        says=setting.says,
        low=f"{setting.low:g}",
        high=f"{setting.high:g}",
        step=f"{step:g}",
        digits=0 if step == 1 else 2,
        switch=setting.switch,
    )
