"""Addresses of jobs and batches."""

from django.urls import path

from jobs.api import views

urlpatterns = [
    path("jobs", views.JobListView.as_view()),
    path("jobs/<uuid:job_id>", views.JobView.as_view()),
    path("jobs/<uuid:job_id>/cancel", views.JobCancelView.as_view()),
    path("jobs/<uuid:job_id>/retry", views.JobRetryView.as_view()),
    path("batches/<uuid:batch_id>", views.BatchView.as_view()),
    path("batches/<uuid:batch_id>/cancel", views.BatchCancelView.as_view()),
]
