"""The admin's pages for tenants, their tiers, keys and people, and for the audit log."""

from django.contrib import admin

from tenants.admin import log, people, tenants
from tenants.admin.signing_in import SignInForm

admin.site.login_form = SignInForm

__all__ = ["log", "people", "tenants"]
