"""One view: DRF's serializer, then a row and a task."""

from __future__ import annotations

from typing import Any

from django.http import HttpResponse
from django.urls import path
from rest_framework import serializers
from rest_framework.response import Response
from rest_framework.views import APIView

from tests.bench.peers.classic.accept import accept


class Body(serializers.Serializer[Any]):
    text = serializers.CharField(max_length=5000)
    voice = serializers.CharField(max_length=60, required=False)
    format = serializers.ChoiceField(choices=["wav", "flac", "mp3", "opus"], default="wav")


class Answer(serializers.Serializer[Any]):
    id = serializers.UUIDField()
    state = serializers.CharField()
    request = serializers.DictField()


class SynthesizeView(APIView):
    def post(self, request: Any) -> Response:
        body = Body(data=request.data)
        body.is_valid(raise_exception=True)
        job_id = accept(dict(body.validated_data))
        answer = {"id": job_id, "state": "queued", "request": body.validated_data}
        return Response(Answer(answer).data, 202)


urlpatterns = [
    path("api/v1/jobs/synthesize", SynthesizeView.as_view()),
    path("healthz", lambda _: HttpResponse("ok")),
]
