"""Addresses of personalities."""

from django.urls import path

from personalities.api import speech, views

ONE = "personalities/<slug:personality>"

urlpatterns = [
    path("personalities", views.PersonalityListView.as_view()),
    path("personalities/import", views.ImportView.as_view()),
    path(ONE, views.PersonalityView.as_view()),
    path(f"{ONE}/primary", views.PrimaryView.as_view()),
    path(f"{ONE}/prompt", views.PromptView.as_view()),
    path(f"{ONE}/export", views.ExportView.as_view()),
    path(f"{ONE}/duplicate", views.DuplicateView.as_view()),
    path(f"{ONE}/voice", speech.VoiceConfigurationView.as_view()),
    path(f"{ONE}/voice/generate", speech.GenerateView.as_view()),
]
