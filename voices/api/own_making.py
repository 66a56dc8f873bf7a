"""Making a voice over REST: consents, clones, scorecard, and the sentence that is always there."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from drf_spectacular.utils import extend_schema
from rest_framework.response import Response
from rest_framework.views import APIView

from jobs.api.presenting import JobDetail
from jobs.selectors import tenant_job
from tenants.auth import caller_of
from tenants.scopes import Scope
from voices.api import own_bodies as bodies
from voices.api.accepted import accepted
from voices.api.asking import idempotency_key
from voices.api.own_voices import mine
from voices.api.serving import audio_responses, serve_audio
from voices.api.views import IDEMPOTENCY
from voices.audio import audio_of
from voices.owning import consents
from voices.owning.beginning import MakingRequest
from voices.owning.cloning import submit_clone
from voices.owning.consent_texts import consent_texts
from voices.owning.errors import TrainingNotFoundError
from voices.owning.greeting import submit_sample
from voices.owning.learning import training_of
from voices.owning.scorecard import scorecard_of
from voices.owning.training import TrainingRequest, submit_training
from voices.requests import body_hash

if TYPE_CHECKING:
    from uuid import UUID

    from django.http import HttpResponse
    from rest_framework.request import Request

SPOKEN = {202: JobDetail, **audio_responses("audio/mpeg")}


class ConsentTextView(APIView):
    """The words a speaker agrees to, the newest version first."""

    scopes: ClassVar = {"GET": Scope.VOICES_READ}

    @extend_schema(operation_id="get_consent_text", responses=bodies.ConsentTextDetail(many=True))
    def get(self, request: Request) -> Response:
        shown = [{"version": text.version, "texts": text.texts} for text in consent_texts()]
        return Response(shown)


class ConsentListView(APIView):
    """The consents to a voice of one's own, the newest first."""

    scopes: ClassVar = {"GET": Scope.VOICES_READ, "POST": Scope.VOICES_WRITE}

    @extend_schema(operation_id="list_consents", responses=bodies.ConsentDetail(many=True))
    def get(self, request: Request, reference: str) -> Response:
        given = mine(request, reference).consents.all()
        return Response([bodies.present_consent(consent) for consent in given])

    @extend_schema(
        operation_id="give_consent",
        request=bodies.ConsentBody,
        responses={201: bodies.ConsentDetail},
        description="Note that the speaker agrees. Without it nothing is made from the samples.",
    )
    def post(self, request: Request, reference: str) -> Response:
        voice = mine(request, reference)
        agreement = consents.Agreement(**bodies.ConsentBody.read(request.data))
        actor = caller_of(request).actor
        consent = consents.give_consent(voice=voice, actor=actor, agreement=agreement)
        return Response(bodies.present_consent(consent), 201)


class ConsentWithdrawView(APIView):
    """Withdraw a consent: what was made under it stops speaking at once, and for good."""

    scopes: ClassVar = {"POST": Scope.VOICES_WRITE}

    @extend_schema(operation_id="withdraw_consent", request=None, responses=bodies.ConsentDetail)
    def post(self, request: Request, reference: str, consent_id: UUID) -> Response:
        consent = consents.find_consent(mine(request, reference), consent_id)
        actor = caller_of(request).actor
        withdrawn = consents.withdraw_consent(consent=consent, actor=actor)
        return Response(bodies.present_consent(withdrawn))


class CloneView(APIView):
    """Have a voice of one's own cloned from its samples. A consent must cover them."""

    scopes: ClassVar = {"POST": Scope.VOICES_WRITE}

    @extend_schema(
        operation_id="clone",
        request=bodies.CloneBody,
        parameters=[IDEMPOTENCY],
        responses={200: JobDetail, 202: JobDetail},
    )
    def post(self, request: Request) -> Response:
        caller = caller_of(request)
        asked = MakingRequest(
            caller=caller,
            **bodies.CloneBody.read(request.data),
            idempotency_key=idempotency_key(request.headers.get("Idempotency-Key")),
            body_hash=body_hash(request.data),
        )
        submitted = submit_clone(asked)
        job = tenant_job(caller.tenant_id, submitted.id)
        return accepted(job, replayed=submitted.replayed)


class TrainView(APIView):
    """Have a voice of one's own trained from its samples. A consent must cover them."""

    scopes: ClassVar = {"POST": Scope.VOICES_WRITE}

    @extend_schema(
        operation_id="train",
        request=bodies.TrainBody,
        parameters=[IDEMPOTENCY],
        responses={200: JobDetail, 202: JobDetail},
    )
    def post(self, request: Request) -> Response:
        wanted = bodies.TrainBody.read(request.data)
        return answer_training(request, wanted, body_hash({"train": request.data}))


def answer_training(request: Request, wanted: dict[str, Any], said: str) -> Response:
    """`said` is the same for the same request alone, and never that of a clone."""
    caller = caller_of(request)
    asked = TrainingRequest(
        caller=caller,
        **wanted,
        idempotency_key=idempotency_key(request.headers.get("Idempotency-Key")),
        body_hash=said,
    )
    submitted = submit_training(asked)
    job = tenant_job(caller.tenant_id, submitted.id)
    return accepted(job, replayed=submitted.replayed)


class TrainingView(APIView):
    """How the latest training of a voice goes, or went."""

    scopes: ClassVar = {"GET": Scope.VOICES_READ}

    @extend_schema(operation_id="get_training", responses=bodies.TrainingDetail)
    def get(self, request: Request, reference: str) -> Response:
        training = training_of(mine(request, reference))
        if training is None:
            raise TrainingNotFoundError
        return Response(bodies.present_training(training))


class ScorecardView(APIView):
    """How good a voice of one's own can be expected to be."""

    scopes: ClassVar = {"GET": Scope.VOICES_READ}

    @extend_schema(operation_id="get_scorecard", responses=bodies.ScorecardDetail)
    def get(self, request: Request, reference: str) -> Response:
        return Response(bodies.present_scorecard(scorecard_of(mine(request, reference))))


class VoiceSampleView(APIView):
    """A short sentence in this voice: the audio, or 202 with the job that makes it.

    Where nobody has heard it yet, only `jobs:write` gets it made.
    """

    scopes: ClassVar = {"GET": Scope.VOICES_READ}

    @extend_schema(operation_id="hear_voice", responses=SPOKEN)
    def get(self, request: Request, reference: str) -> HttpResponse:
        return answer_sample(request, reference)


def answer_sample(request: Request, reference: str) -> HttpResponse:
    """The sentence that is always there, or the job that makes it."""
    caller = caller_of(request)
    submitted = submit_sample(caller, reference)
    job = tenant_job(caller.tenant_id, submitted.id)
    if job.ended_at is None:
        return accepted(job, replayed=submitted.replayed)
    return serve_audio(request._request, audio_of(job))  # noqa: SLF001 - a plain answer
