"""Personalities over REST: a list, one, its mark, its prompt, as a file."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any, ClassVar

from django.utils.cache import get_conditional_response
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework.generics import GenericAPIView
from rest_framework.response import Response
from rest_framework.views import APIView

from personalities import exchange, services
from personalities.api import bodies, presenting
from personalities.models import Personality
from personalities.selectors import find_personality, tenant_personalities
from tenants.auth import caller_of
from tenants.openapi import IF_MATCH
from tenants.paging import NewestFirst
from tenants.scopes import Scope
from tenants.versions import etag, expected_version
from voices.store import content_disposition

if TYPE_CHECKING:
    from uuid import UUID

    from django.http import HttpResponse
    from rest_framework.request import Request

READ, WRITE = Scope.PERSONALITIES_READ, Scope.PERSONALITIES_WRITE
RENAME = OpenApiParameter("rename", bool, description="Where the slug is taken: another one.")


class PersonalityListView(GenericAPIView[Personality]):
    """The tenant's personalities, newest first; and a new one."""

    scopes: ClassVar = {"GET": READ, "POST": WRITE}
    pagination_class = NewestFirst
    serializer_class = presenting.PersonalityDetail

    @extend_schema(
        operation_id="list_personalities", responses=presenting.PersonalityDetail(many=True)
    )
    def get(self, request: Request) -> Response:
        page = self.paginate_queryset(tenant_personalities(caller_of(request).tenant_id))
        shown = [presenting.present_personality(one) for one in page or ()]
        return self.get_paginated_response(shown)

    @extend_schema(
        operation_id="create_personality",
        request=bodies.PersonalityBody,
        responses={201: presenting.PersonalityDetail},
    )
    def post(self, request: Request) -> Response:
        fields = bodies.PersonalityBody.read(request.data)
        made = services.create_personality(**_who(request), fields=fields)
        return _shown(made, 201)


class PersonalityView(APIView):
    """One personality, by id or slug: looked at, replaced, changed, deleted."""

    scopes: ClassVar = {"GET": READ, "PUT": WRITE, "PATCH": WRITE, "DELETE": Scope.VOICES_ERASE}

    @extend_schema(operation_id="get_personality", responses=presenting.PersonalityDetail)
    def get(self, request: Request, personality: str) -> Response:
        return _shown(personality_of(request, personality))

    @extend_schema(
        operation_id="replace_personality",
        request=bodies.PersonalityBody,
        parameters=[IF_MATCH],
        responses=presenting.PersonalityDetail,
    )
    def put(self, request: Request, personality: str) -> Response:
        """What is not named becomes the usual; only the slug stays."""
        return self._edit(request, personality, partial=False)

    @extend_schema(
        operation_id="change_personality",
        request=bodies.PersonalityBody(partial=True),
        parameters=[IF_MATCH],
        responses=presenting.PersonalityDetail,
    )
    def patch(self, request: Request, personality: str) -> Response:
        """What is not named stays, also within `traits`, `response_style` and `fallback`."""
        return self._edit(request, personality, partial=True)

    @extend_schema(
        operation_id="delete_personality",
        parameters=[IF_MATCH],
        responses={200: presenting.PersonalityGone},
    )
    def delete(self, request: Request, personality: str) -> Response:
        """Where it was the primary the first active one is now: the answer says which, or none."""
        doomed, expected = personality_of(request, personality), expected_version(request)
        heir = services.delete_personality(
            **_who(request), personality_id=doomed.id, expected=expected
        )
        primary = heir and {"id": str(heir.id), "slug": heir.slug}
        return Response({"deleted": doomed.slug, "primary": primary})

    def _edit(self, request: Request, personality: str, *, partial: bool) -> Response:
        found, expected = personality_of(request, personality), expected_version(request)
        edited = services.edit_personality(
            **_who(request),
            personality_id=found.id,
            expected=expected,
            fields=bodies.PersonalityBody.read(request.data, partial=partial),
        )
        return _shown(edited)


class PrimaryView(APIView):
    """Make it the tenant's primary: it answers where nobody else is named."""

    scopes: ClassVar = {"POST": WRITE}

    @extend_schema(
        operation_id="make_primary", request=None, responses=presenting.PersonalityDetail
    )
    def post(self, request: Request, personality: str) -> Response:
        found = personality_of(request, personality)
        return _shown(services.make_primary(**_who(request), personality_id=found.id))


class PromptView(APIView):
    """The system prompt made from it, and its parts. The ETag is that of the text."""

    scopes: ClassVar = {"GET": READ}

    @extend_schema(
        operation_id="get_prompt",
        responses={
            200: presenting.PromptDetail,
            304: OpenApiResponse(description="You have it already."),
        },
    )
    def get(self, request: Request, personality: str) -> HttpResponse:
        prompt = personality_of(request, personality).prompt()
        mark = f'"{hashlib.sha256(prompt.text.encode()).hexdigest()[:32]}"'
        shown = Response(presenting.present_prompt(prompt), headers={"ETag": mark})
        answer = get_conditional_response(request._request, mark, None, shown)  # noqa: SLF001
        return answer or shown


class ExportView(APIView):
    """The personality as a file, for `import` here or elsewhere."""

    scopes: ClassVar = {"GET": READ}

    @extend_schema(operation_id="export_personality", responses=bodies.PersonalityFile)
    def get(self, request: Request, personality: str) -> Response:
        found = personality_of(request, personality)
        name = content_disposition(f"{found.slug}.personality.json")
        headers = {"Content-Disposition": name}
        return Response(exchange.export_personality(found), headers=headers)


class ImportView(APIView):
    """A new personality from such a file. A voice that is not here is left out, with a warning."""

    scopes: ClassVar = {"POST": WRITE}

    @extend_schema(
        operation_id="import_personality",
        request=bodies.PersonalityFile,
        parameters=[RENAME],
        responses={201: presenting.PersonalityMade},
    )
    def post(self, request: Request) -> Response:
        imported = exchange.import_personality(
            **_who(request),
            fields=bodies.PersonalityFile.read(request.data)["personality"],
            rename=request.query_params.get("rename") == "true",
        )
        return _shown(imported.personality, 201, warnings=list(imported.warnings))


class DuplicateView(APIView):
    """Another of the same, under a slug of its own. It is not the primary."""

    scopes: ClassVar = {"POST": WRITE}

    @extend_schema(
        operation_id="duplicate_personality",
        request=None,
        responses={201: presenting.PersonalityDetail},
    )
    def post(self, request: Request, personality: str) -> Response:
        found = personality_of(request, personality)
        actor = caller_of(request).actor
        return _shown(exchange.duplicate_personality(personality=found, actor=actor), 201)


def _who(request: Request) -> dict[str, Any]:
    """Whose it is, and who acts."""
    caller = caller_of(request)
    return {"tenant_id": caller.tenant_id, "actor": caller.actor}


def personality_of(request: Request, reference: str) -> Personality:
    tenant_id: UUID = caller_of(request).tenant_id
    return find_personality(tenant_id, reference)


def _shown(personality: Personality, status: int = 200, **more: Any) -> Response:
    headers = {"ETag": etag(personality.version)}
    if status == 201:  # noqa: PLR2004
        headers["Location"] = presenting.address_of(personality)
    return Response(presenting.present_personality(personality) | more, status, headers=headers)
