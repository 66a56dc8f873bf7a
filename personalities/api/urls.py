"""Addresses of personalities."""

from django.urls import path

from personalities.api import speech, views, voice

ONE = "personalities/<slug:personality>"

urlpatterns = [
    path("personalities", views.PersonalityListView.as_view()),
    path("personalities/import", views.ImportView.as_view()),
    path(ONE, views.PersonalityView.as_view()),
    path(f"{ONE}/primary", views.PrimaryView.as_view()),
    path(f"{ONE}/prompt", views.PromptView.as_view()),
    path(f"{ONE}/export", views.ExportView.as_view()),
    path(f"{ONE}/duplicate", views.DuplicateView.as_view()),
    path(f"{ONE}/voice", voice.VoiceConfigurationView.as_view()),
    path(f"{ONE}/voice/upload", voice.VoiceUploadView.as_view()),
    path(f"{ONE}/voice/train", voice.VoiceTrainView.as_view()),
    path(f"{ONE}/voice/sample", voice.VoiceSampleView.as_view()),
    path(f"{ONE}/voice/generate", speech.GenerateView.as_view()),
]
