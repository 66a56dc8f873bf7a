from django.apps import AppConfig
from django.conf import settings


class TenantsConfig(AppConfig):
    name = "tenants"
    verbose_name = "Customers"

    def ready(self) -> None:
        if settings.WEB:
            from tenants import openapi  # noqa: F401 - importing it registers it
