"""The admin's pages for jobs, workers, queues, engines and usage, and its first page."""

from django.contrib import admin

from jobs.admin import fleet, jobs, tenants, usage

admin.site.index_template = "jobs/admin/index.html"
admin.site.index_title = "Today"

__all__ = ["fleet", "jobs", "tenants", "usage"]
