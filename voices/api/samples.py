"""Samples over REST: upload, look, decide, hear, delete; and what to read aloud."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.exceptions import ValidationError
from rest_framework.response import Response
from rest_framework.views import APIView

from tenants.auth import caller_of
from tenants.problems import PROBLEM, describe
from tenants.scopes import Scope
from voices.api import sample_bodies as bodies
from voices.api.own_voices import mine
from voices.api.serving import audio_responses, serve_audio
from voices.api.uploads import FilesParser, read_uploads
from voices.samples.deciding import decide, delete_sample
from voices.samples.script import LENGTHS, recording_script
from voices.samples.selectors import audio_of_sample, find_sample, samples_of
from voices.samples.transcribing import Transcript, transcribe
from voices.samples.uploading import upload_samples
from voices.selectors import current_offers
from voices.transcripts import ONE_CLIP

if TYPE_CHECKING:
    from collections.abc import Sequence
    from uuid import UUID

    from django.http import HttpResponse
    from rest_framework.request import Request

    from voices.models import Sample
    from voices.samples.uploading import Received

LANGUAGE = OpenApiParameter("language", str, description="BCP 47; default: en.")
LENGTH = OpenApiParameter(
    "length", str, enum=LENGTHS, description="`short` for a clone (default), `long` for a training."
)


class SampleListView(APIView):
    """The samples of a voice of one's own."""

    scopes: ClassVar = {"GET": Scope.VOICES_READ, "POST": Scope.VOICES_WRITE}
    parser_classes = (FilesParser,)

    @extend_schema(operation_id="list_samples", responses=bodies.SampleList)
    def get(self, request: Request, reference: str) -> Response:
        samples = samples_of(mine(request, reference))
        return Response(bodies.present_samples(samples, current_offers()))

    @extend_schema(
        operation_id="upload_samples",
        request={"multipart/form-data": bodies.UploadBody},
        responses={200: bodies.UploadAnswer, 202: bodies.UploadAnswer},
        description=(
            "Upload recordings: wav, mp3, m4a, ogg, webm or flac. Each is examined by a job; the"
            " same bytes again are the sample they made before. A body has 12 MiB at most: send"
            " several large files in several requests. 200 where nothing was new."
        ),
    )
    def post(self, request: Request, reference: str) -> Response:
        caller = caller_of(request)
        received = upload_samples(
            voice=mine(request, reference),
            uploads=read_uploads(request),
            actor=caller.actor,
            ceiling=caller.max_queued,
        )
        return answer_uploads(received)


class SampleView(APIView):
    """One sample, with its verdict and its waveform."""

    scopes: ClassVar = {"GET": Scope.VOICES_READ, "DELETE": Scope.VOICES_WRITE}

    @extend_schema(operation_id="get_sample", responses=bodies.SampleWithPeaks)
    def get(self, request: Request, reference: str, sample_id: UUID) -> Response:
        sample = find_sample(mine(request, reference), sample_id)
        return Response(bodies.present_with_peaks(sample))

    @extend_schema(
        operation_id="delete_sample",
        responses={204: None},
        description="Delete a sample and its recordings, unless a consent names it.",
    )
    def delete(self, request: Request, reference: str, sample_id: UUID) -> Response:
        actor = caller_of(request).actor
        delete_sample(voice=mine(request, reference), sample_id=sample_id, actor=actor)
        return Response(status=204)


class SampleDecisionView(APIView):
    """Say whether a sample with a warning may be used, after listening to it."""

    scopes: ClassVar = {"POST": Scope.VOICES_WRITE}

    @extend_schema(
        operation_id="decide_sample",
        request=bodies.DecisionBody,
        responses=bodies.SampleDetail,
    )
    def post(self, request: Request, reference: str, sample_id: UUID) -> Response:
        sample = find_sample(mine(request, reference), sample_id)
        asked = bodies.DecisionBody.read(request.data)
        decided = decide(sample=sample, **asked, actor=caller_of(request).actor)
        return Response(bodies.present_sample(decided))


class SampleTranscriptView(APIView):
    """What is said in a sample: SRT, VTT or CSV with times, or plain text."""

    scopes: ClassVar = {"PUT": Scope.VOICES_WRITE, "DELETE": Scope.VOICES_WRITE}

    @extend_schema(
        operation_id="transcribe_sample",
        request=bodies.TranscriptBody,
        responses=bodies.SampleDetail,
        description=(
            "A training needs to know what is said. Times carry the cut; plain text goes with a"
            f" recording of up to {ONE_CLIP:g} seconds."
        ),
    )
    def put(self, request: Request, reference: str, sample_id: UUID) -> Response:
        sample = find_sample(mine(request, reference), sample_id)
        told = Transcript(**bodies.TranscriptBody.read(request.data))
        return self._transcribe(request, sample, told)

    @extend_schema(operation_id="remove_transcript", responses=bodies.SampleDetail)
    def delete(self, request: Request, reference: str, sample_id: UUID) -> Response:
        sample = find_sample(mine(request, reference), sample_id)
        return self._transcribe(request, sample, None)

    def _transcribe(self, request: Request, sample: Sample, told: Transcript | None) -> Response:
        transcribed = transcribe(sample=sample, actor=caller_of(request).actor, told=told)
        return Response(bodies.present_sample(transcribed))


class SampleAudioView(APIView):
    """The sample as voices are made from it: mono, 24 kHz, WAV; with Range and ETag."""

    scopes: ClassVar = {"GET": Scope.VOICES_READ}

    @extend_schema(
        operation_id="get_sample_audio",
        responses=audio_responses("audio/wav"),
    )
    def get(self, request: Request, reference: str, sample_id: UUID) -> HttpResponse:
        sample = find_sample(mine(request, reference), sample_id)
        plain = request._request  # noqa: SLF001 - a plain answer
        return serve_audio(plain, audio_of_sample(sample))


class RecordingScriptView(APIView):
    """What to read aloud for a recording: it takes half a minute or more, and has every sound."""

    scopes: ClassVar = {"GET": Scope.VOICES_READ}

    @extend_schema(
        operation_id="get_recording_script",
        parameters=[LANGUAGE, LENGTH],
        responses=bodies.RecordingScript,
    )
    def get(self, request: Request) -> Response:
        length = request.query_params.get("length", LENGTHS[0])
        if length not in LENGTHS:
            raise ValidationError({"length": [f"One of {', '.join(LENGTHS)}."]})
        script = recording_script(request.query_params.get("language", "en"), length)
        return Response(bodies.present_script(script))


def answer_uploads(received: Sequence[Received], **more: Any) -> Response:
    """202 where something is examined now; the first refusal where every file was refused."""
    shown = bodies.present_received(received)
    refusal = next((one.error for one in received if one.error is not None), None)
    if not shown["accepted"] and (described := refusal and describe(refusal)):
        body, headers = described
        return Response(
            body | {"files": shown["files"]}, body["status"], headers=headers, content_type=PROBLEM
        )
    return Response(shown | more, 202 if any(one.fresh for one in received) else 200)
