"""Addresses of the tenant itself."""

from django.urls import path

from tenants.api import audit

urlpatterns = [
    path("audit", audit.AuditView.as_view()),
]
