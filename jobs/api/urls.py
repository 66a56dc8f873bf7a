"""Addresses of jobs and batches."""

from django.urls import path

from jobs.api import events, views, webhooks

urlpatterns = [
    path("jobs", views.JobListView.as_view()),
    path("jobs/<uuid:job_id>", views.JobView.as_view()),
    path("jobs/<uuid:job_id>/events", events.JobEventsView.as_view()),
    path("events", events.EventsView.as_view()),
    path("jobs/<uuid:job_id>/cancel", views.JobCancelView.as_view()),
    path("jobs/<uuid:job_id>/retry", views.JobRetryView.as_view()),
    path("batches/<uuid:batch_id>", views.BatchView.as_view()),
    path("batches/<uuid:batch_id>/cancel", views.BatchCancelView.as_view()),
    path("webhooks", webhooks.WebhookListView.as_view()),
    path("webhooks/signing-secret", webhooks.SigningSecretView.as_view()),
    path("webhooks/signing-secret/rotate", webhooks.SigningSecretRotateView.as_view()),
    path("webhooks/deliveries", webhooks.DeliveryListView.as_view()),
    path("webhooks/deliveries/<uuid:delivery_id>", webhooks.DeliveryView.as_view()),
    path("webhooks/deliveries/<uuid:delivery_id>/replay", webhooks.DeliveryReplayView.as_view()),
    path("webhooks/<uuid:webhook_id>", webhooks.WebhookView.as_view()),
    path("webhooks/<uuid:webhook_id>/rotate", webhooks.WebhookRotateView.as_view()),
    path("webhooks/<uuid:webhook_id>/test", webhooks.WebhookTestView.as_view()),
]
