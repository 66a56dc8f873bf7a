"""Django's admin, with our site in the place of its own."""

from django.contrib.admin.apps import AdminConfig


class OurAdminConfig(AdminConfig):
    default = False
    default_site = "tenants.site.Site"
