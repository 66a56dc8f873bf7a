"""A personality's voice over REST: how it stands, recordings for one of its own, which speaks."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from drf_spectacular.utils import extend_schema
from rest_framework.exceptions import PermissionDenied
from rest_framework.response import Response
from rest_framework.views import APIView

from jobs.api.presenting import JobDetail
from personalities.api import bodies, presenting
from personalities.api.views import personality_of
from personalities.errors import OwnVoiceMissingError, PersonalityVoicelessError
from personalities.own_voice import (
    configure_voice,
    erase_own_voice,
    own_voice_of,
    upload_recordings,
)
from personalities.selectors import check_active
from personalities.speaking import NOBODY
from personalities.voice_state import voice_state
from tenants.auth import HasScope, caller_of
from tenants.openapi import IF_MATCH
from tenants.scopes import Scope
from tenants.versions import etag, expected_version
from voices.api.own_bodies import OwnTrainBody
from voices.api.own_making import SPOKEN, answer_sample, answer_training
from voices.api.sample_bodies import UploadBody
from voices.api.samples import answer_uploads
from voices.api.uploads import FilesParser, read_uploads
from voices.api.views import IDEMPOTENCY
from voices.errors import VoiceNotFoundError
from voices.requests import body_hash

if TYPE_CHECKING:
    from django.http import HttpResponse
    from rest_framework.request import Request

    from personalities.models import Personality


class VoiceConfigurationView(APIView):
    """How the personality sounds, from what, and how it did lately; which voice it speaks in."""

    scopes: ClassVar = {
        "GET": Scope.PERSONALITIES_READ,
        "PUT": Scope.PERSONALITIES_WRITE,
        "DELETE": Scope.VOICES_ERASE,
    }

    @extend_schema(operation_id="get_personality_voice", responses=presenting.VoiceConfiguration)
    def get(self, request: Request, personality: str) -> Response:
        return _shown(personality_of(request, personality))

    @extend_schema(
        operation_id="configure_personality_voice",
        request=bodies.VoiceChoice,
        parameters=[IF_MATCH],
        responses=presenting.VoiceConfiguration,
        description=(
            "Speak in the voice of its own (`custom`) or in a stock voice (`default`), and tune the"
            " draft of its own. `settings` need the scope `voices:write` as well."
        ),
    )
    def put(self, request: Request, personality: str) -> Response:
        found, caller = personality_of(request, personality), caller_of(request)
        expected = expected_version(request)
        asked = bodies.VoiceChoice.read(request.data)
        if "settings" in asked and Scope.VOICES_WRITE not in caller.scopes:
            raise PermissionDenied(HasScope.message, HasScope.code)
        return _shown(
            configure_voice(
                personality=found,
                actor=caller.actor,
                expected=expected,
                **asked,
            )
        )

    @extend_schema(
        operation_id="erase_personality_voice",
        parameters=[IF_MATCH],
        responses=presenting.VoiceConfiguration,
        description=(
            "Erase the voice of its own for good, with all that was made with it. Every personality"
            " that spoke in it speaks with its fallback, or the default voice, from then on."
        ),
    )
    def delete(self, request: Request, personality: str) -> Response:
        found, actor = personality_of(request, personality), caller_of(request).actor
        return _shown(
            erase_own_voice(personality=found, actor=actor, expected=expected_version(request))
        )


class VoiceUploadView(APIView):
    """Recordings for a voice of its own, which the first of them makes."""

    scopes: ClassVar = {"POST": Scope.VOICES_WRITE}
    parser_classes = (FilesParser,)

    @extend_schema(
        operation_id="upload_personality_voice",
        request={"multipart/form-data": UploadBody},
        responses={
            200: presenting.OwnVoiceUploaded,
            202: presenting.OwnVoiceUploaded,
        },
        description=(
            "Like the upload of a voice's samples. What the personality speaks with stays as it is."
        ),
    )
    def post(self, request: Request, personality: str) -> Response:
        caller = caller_of(request)
        received = upload_recordings(
            personality=personality_of(request, personality),
            uploads=read_uploads(request),
            actor=caller.actor,
            ceiling=caller.max_queued,
        )
        return answer_uploads(received, **presenting.present_voice_of(received))


class VoiceTrainView(APIView):
    """Have the voice of its own trained from its recordings. A consent must cover them."""

    scopes: ClassVar = {"POST": Scope.VOICES_WRITE}

    @extend_schema(
        operation_id="train_personality_voice",
        request=OwnTrainBody,
        parameters=[IDEMPOTENCY],
        responses={200: JobDetail, 202: JobDetail},
        description=(
            "Like the training of a voice. What the personality speaks with stays as it is."
        ),
    )
    def post(self, request: Request, personality: str) -> Response:
        found = personality_of(request, personality)
        own = own_voice_of(found)
        if own is None:
            raise OwnVoiceMissingError
        wanted = OwnTrainBody.read(request.data) | {"voice": str(own.id)}
        said = body_hash({"personality": str(found.id), "body": request.data})
        return answer_training(request, wanted, said)


class VoiceSampleView(APIView):
    """A short sentence in the voice that it speaks with: the audio, or 202 with its job.

    Where nobody has heard it yet, only `jobs:write` gets it made.
    """

    scopes: ClassVar = {"GET": Scope.PERSONALITIES_READ}

    @extend_schema(operation_id="hear_personality", responses=SPOKEN)
    def get(self, request: Request, personality: str) -> HttpResponse:
        found = check_active(personality_of(request, personality))
        try:
            return answer_sample(request, str(found.voice_id or NOBODY))
        except VoiceNotFoundError:
            raise PersonalityVoicelessError from None


def _shown(personality: Personality) -> Response:
    shown = presenting.present_configuration(personality, voice_state(personality))
    return Response(shown, headers={"ETag": etag(personality.version)})
