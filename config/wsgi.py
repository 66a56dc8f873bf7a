"""Ordinary views, as WSGI."""

import os

from django.core.signals import request_started
from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
application = get_wsgi_application()

from jobs.connections import renew_connection  # noqa: E402 - Django must be set up

request_started.connect(renew_connection)
