"""Addresses of speech."""

from django.urls import path

from voices.api import own_making, own_voices, samples, views
from voices.api.audition import AuditionView

VOICE = "voices/<slug:reference>"

urlpatterns = [
    path("jobs/synthesize", views.SynthesizeView.as_view()),
    path("jobs/bulk", views.BulkView.as_view()),
    path("jobs/<uuid:job_id>/audio", views.AudioView.as_view()),
    path("jobs/<uuid:job_id>/audio/link", views.AudioLinkView.as_view()),
    path("jobs/clone", own_making.CloneView.as_view()),
    path("jobs/train", own_making.TrainView.as_view()),
    path("voices", own_voices.VoiceListView.as_view()),
    path(VOICE, own_voices.VoiceView.as_view()),
    path(f"{VOICE}/custom", own_voices.VoiceCustomView.as_view()),
    path(f"{VOICE}/settings", own_voices.VoiceSettingsView.as_view()),
    path(f"{VOICE}/publish", own_voices.VoicePublishView.as_view()),
    path(f"{VOICE}/rollback", own_voices.VoiceRollbackView.as_view()),
    path(f"{VOICE}/consents", own_making.ConsentListView.as_view()),
    path(f"{VOICE}/consents/<uuid:consent_id>/withdraw", own_making.ConsentWithdrawView.as_view()),
    path(f"{VOICE}/training", own_making.TrainingView.as_view()),
    path(f"{VOICE}/scorecard", own_making.ScorecardView.as_view()),
    path(f"{VOICE}/sample", own_making.VoiceSampleView.as_view()),
    path("consent-text", own_making.ConsentTextView.as_view()),
    path(f"{VOICE}/audition", AuditionView.as_view()),
    path(f"{VOICE}/samples", samples.SampleListView.as_view()),
    path(f"{VOICE}/samples/<uuid:sample_id>", samples.SampleView.as_view()),
    path(
        f"{VOICE}/samples/<uuid:sample_id>/decision",
        samples.SampleDecisionView.as_view(),
    ),
    path(
        f"{VOICE}/samples/<uuid:sample_id>/transcript",
        samples.SampleTranscriptView.as_view(),
    ),
    path(
        f"{VOICE}/samples/<uuid:sample_id>/audio",
        samples.SampleAudioView.as_view(),
    ),
    path("recording-script", samples.RecordingScriptView.as_view()),
    path("usage", views.UsageView.as_view()),
]
