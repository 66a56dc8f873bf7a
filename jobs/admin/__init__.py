"""The admin's pages for jobs, machines, usage and webhooks, and its first page."""

from django.contrib import admin

from jobs.admin import fleet, jobs, tenants, usage, webhooks

admin.site.index_template = "jobs/admin/index.html"
admin.site.index_title = "Today"

__all__ = ["fleet", "jobs", "tenants", "usage", "webhooks"]
