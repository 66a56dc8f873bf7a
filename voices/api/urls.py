"""Addresses of speech."""

from django.urls import path

from voices.api import views

urlpatterns = [
    path("jobs/synthesize", views.SynthesizeView.as_view()),
    path("jobs/bulk", views.BulkView.as_view()),
    path("jobs/<uuid:job_id>/audio", views.AudioView.as_view()),
    path("jobs/<uuid:job_id>/audio/link", views.AudioLinkView.as_view()),
    path("voices", views.VoiceListView.as_view()),
    path("voices/<slug:reference>", views.VoiceView.as_view()),
    path("usage", views.UsageView.as_view()),
]
