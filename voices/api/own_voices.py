"""Voices over REST: all that are seen, and those of one's own to make, tune, publish and erase."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from drf_spectacular.utils import extend_schema
from rest_framework.response import Response
from rest_framework.views import APIView

from tenants.auth import caller_of
from tenants.openapi import IF_MATCH
from tenants.scopes import Scope
from tenants.versions import etag, expected_version
from voices import selectors
from voices.api import own_bodies as bodies
from voices.api.presenting import VoiceDetail, present_voice
from voices.owning import drafting, publishing
from voices.owning.describing import change_voice, create_voice, own_voice
from voices.owning.erasing import erase_voice, revert_voice
from voices.owning.selectors import desk_of

if TYPE_CHECKING:
    from rest_framework.request import Request

    from voices.models import Voice


class VoiceListView(APIView):
    """The stock voices and the tenant's own."""

    scopes: ClassVar = {"GET": Scope.VOICES_READ, "POST": Scope.VOICES_WRITE}

    @extend_schema(operation_id="list_voices", responses=VoiceDetail(many=True))
    def get(self, request: Request) -> Response:
        offers = selectors.current_offers()
        found = selectors.visible_voices(caller_of(request).tenant_id)
        voices = found.prefetch_related("revisions__bindings")
        return Response([present_voice(voice, offers) for voice in voices])

    @extend_schema(
        operation_id="create_voice",
        request=bodies.VoiceBody,
        responses={201: VoiceDetail},
        description="A voice of your own. It speaks once it is cloned or trained.",
    )
    def post(self, request: Request) -> Response:
        caller, described = caller_of(request), bodies.VoiceBody.read(request.data)
        voice = create_voice(tenant_id=caller.tenant_id, actor=caller.actor, **described)
        return answer(voice, 201, Location=f"/api/v1/voices/{voice.id}")


class VoiceView(APIView):
    """One voice, by id or slug."""

    scopes: ClassVar = {
        "GET": Scope.VOICES_READ,
        "PATCH": Scope.VOICES_WRITE,
        "DELETE": Scope.VOICES_ERASE,
    }

    @extend_schema(operation_id="get_voice", responses=VoiceDetail)
    def get(self, request: Request, reference: str) -> Response:
        return answer(selectors.find_any_voice(caller_of(request).tenant_id, reference))

    @extend_schema(
        operation_id="change_voice",
        request=bodies.VoiceChange,
        parameters=[IF_MATCH],
        responses=VoiceDetail,
        description="What is said of a voice of your own.",
    )
    def patch(self, request: Request, reference: str) -> Response:
        edit = _edit(request, reference)
        return answer(change_voice(**edit, **bodies.VoiceChange.read(request.data, partial=True)))

    @extend_schema(
        operation_id="erase_voice",
        request=None,
        parameters=[IF_MATCH],
        responses={204: None},
        description=(
            "Erase a voice of your own for good: samples, consents, clones and trainings, and all"
            " audio that was made with it. A line in the audit log stays."
        ),
    )
    def delete(self, request: Request, reference: str) -> Response:
        erase_voice(**_edit(request, reference))
        return Response(status=204)


class VoiceCustomView(APIView):
    """What was cloned and trained for a voice."""

    scopes: ClassVar = {"DELETE": Scope.VOICES_ERASE}

    @extend_schema(
        operation_id="revert_voice",
        request=None,
        parameters=[IF_MATCH],
        responses=VoiceDetail,
        description=(
            "Take a voice back to before it was made: clones, trainings, settings and cached audio"
            " go; samples, consents, and results that were delivered stay."
        ),
    )
    def delete(self, request: Request, reference: str) -> Response:
        return answer(revert_voice(**_edit(request, reference)))


class VoiceSettingsView(APIView):
    """The settings of a voice of one's own, as they will be when they are published."""

    scopes: ClassVar = {"GET": Scope.VOICES_READ, "PUT": Scope.VOICES_WRITE}

    @extend_schema(operation_id="get_voice_settings", responses=bodies.SettingsDetail)
    def get(self, request: Request, reference: str) -> Response:
        return _settings(mine(request, reference))

    @extend_schema(
        operation_id="change_voice_settings",
        request=bodies.SettingsBody,
        parameters=[IF_MATCH],
        responses=bodies.SettingsDetail,
        description=(
            "Change the draft. Jobs speak as before until it is published. A setting that no engine"
            " of the voice can express is refused with the reason; a default never is."
        ),
    )
    def put(self, request: Request, reference: str) -> Response:
        edit, settings = _edit(request, reference), bodies.SettingsBody.read(request.data)
        return _settings(drafting.change_settings(**edit, settings=settings))


class VoicePublishView(APIView):
    """Make the draft what jobs get from now on."""

    scopes: ClassVar = {"POST": Scope.VOICES_WRITE}

    @extend_schema(
        operation_id="publish_voice", request=None, parameters=[IF_MATCH], responses=VoiceDetail
    )
    def post(self, request: Request, reference: str) -> Response:
        return answer(publishing.publish_draft(**_edit(request, reference)))


class VoiceRollbackView(APIView):
    """Publish again what was published before; a second time it goes forth again."""

    scopes: ClassVar = {"POST": Scope.VOICES_WRITE}

    @extend_schema(
        operation_id="roll_back_voice", request=None, parameters=[IF_MATCH], responses=VoiceDetail
    )
    def post(self, request: Request, reference: str) -> Response:
        return answer(publishing.roll_back(**_edit(request, reference)))


def mine(request: Request, reference: str) -> Voice:
    return own_voice(caller_of(request).tenant_id, reference)


def _edit(request: Request, reference: str) -> dict[str, Any]:
    """Which voice is changed, by whom, and the version that was read of it."""
    return {
        "voice": mine(request, reference),
        "actor": caller_of(request).actor,
        "expected": expected_version(request),
    }


def answer(voice: Voice, status: int = 200, **headers: str) -> Response:
    """The voice with its ETag."""
    shown = present_voice(voice, selectors.current_offers())
    return Response(shown, status, headers={"ETag": etag(voice.version), **headers})


def _settings(voice: Voice) -> Response:
    shown = bodies.present_desk(desk_of(voice))
    return Response(shown, headers={"ETag": etag(voice.version)})
