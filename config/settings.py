"""Every setting, flat, from the environment. Required ones have no default."""

from __future__ import annotations

import tempfile
from datetime import timedelta
from ipaddress import ip_network
from pathlib import Path

from config import environment as env
from config.logs import logging_settings
from config.look import UNFOLD  # noqa: F401 - a setting
from config.queues import QUEUES as KNOWN_QUEUES

BASE_DIR = Path(__file__).resolve().parent.parent

SECRET_KEY = env.text("SECRET_KEY")
SECRET_KEY_FALLBACKS = env.names("SECRET_KEY_FALLBACKS")
DEBUG = env.flag("DEBUG")
ALLOWED_HOSTS = env.names("ALLOWED_HOSTS", "localhost,127.0.0.1,[::1]")
PUBLIC_URL = env.text("PUBLIC_URL", "http://127.0.0.1:8000")
CSRF_TRUSTED_ORIGINS = env.names("CSRF_TRUSTED_ORIGINS", PUBLIC_URL)

# The ledger and the conveyor
DATABASES = {"default": env.database(env.text("DATABASE_URL"))}
DATABASE_SECONDS = env.number("DATABASE_SECONDS", 10)
REDIS_URL = env.text("REDIS_URL")
AMQP_URL = env.text("AMQP_URL", "")
BROKER_URL = AMQP_URL or env.celery_broker(REDIS_URL)
QUEUES = KNOWN_QUEUES | dict(pair.split("=", 1) for pair in env.names("EXTRA_QUEUES"))
WORKER_MODULES = env.names("WORKER_MODULES")
WEB = env.flag("WEB", not WORKER_MODULES)  # a worker's image has no web framework

LEASE = timedelta(seconds=env.number("LEASE_SECONDS", 30))
DRAIN = timedelta(seconds=env.number("DRAIN_SECONDS", 20))
WORKER_ALIVE = timedelta(seconds=env.number("WORKER_ALIVE_SECONDS", 30))
RING_AGAIN = timedelta(seconds=env.number("RING_AGAIN_SECONDS", 10))
READ_AHEAD = env.number("READ_AHEAD", 1.0)
MAX_FAILURES = env.integer("MAX_FAILURES", 5)
MAX_LOST_LEASES = env.integer("MAX_LOST_LEASES", 3)
RETRY_BASE = timedelta(seconds=env.number("RETRY_BASE_SECONDS", 2))
RETRY_CAP = timedelta(seconds=env.number("RETRY_CAP_SECONDS", 120))
MAX_DEPTH = env.integer("MAX_DEPTH", 1_000_000)
IDEMPOTENCY = timedelta(hours=env.number("IDEMPOTENCY_HOURS", 24))
EVENTS_KEPT = timedelta(days=env.number("EVENT_DAYS", 30))
SWEEP_EVERY = timedelta(seconds=env.number("SWEEP_SECONDS", 900))
SWEEPS = [
    "jobs.sweeps.forget_idempotency_keys",
    "jobs.sweeps.forget_events",
    "jobs.samples.forget_samples",
    "jobs.webhooks.sweeps.forget_deliveries",
    "tenants.throttle.forget_old_tries",
    "voices.sweeps.forget_old_results",
    "voices.sweeps.forget_old_renders",
    "voices.sweeps.remove_orphans",
    "voices.owning.erasing.finish_erasures",
    "voices.owning.checkpoints.forget_checkpoints",
]
PROMPT_SWEEPS = ["voices.owning.removals.remove_noted"]  # seconds later, not every quarter hour
MAKING_ENDED = "voices.owning.making.note_end"
ENDINGS = {"clone": MAKING_ENDED, "train": MAKING_ENDED}  # who hears of ends, by kind of job
BEFORE_ERASURE = "personalities.own_voice.let_go"  # who must let go of a voice
BEFORE_RETRY = "voices.owning.standing.hold_to_retry"  # who may refuse one
HEALTH = {"Broker": "config.health.ask_broker", "Store": "config.health.ask_store"}

# Speech
MAX_TEXT = env.integer("MAX_TEXT", 5_000)
MAX_BODY = env.integer("MAX_BODY_BYTES", 12 * 1024 * 1024)
BODY_SECONDS = env.number("BODY_SECONDS", 30)
WEB_THREADS = env.integer("WEB_THREADS", 8)
WEB_QUEUE = env.integer("WEB_QUEUE", 1_024)
MAX_STREAMS = env.integer("MAX_STREAMS", 1_000)
BULK_ITEMS = env.integer("BULK_ITEMS", 1_000)
DEFAULT_VOICE = env.text("DEFAULT_VOICE", "ember")
ENGINES = env.names("ENGINES", "espeak,piper")
MODELS_DIR = Path(env.text("MODELS_DIR", str(BASE_DIR / "var" / "models")))
DEVICE = env.text("DEVICE", "cpu")
BATCH_SLOTS = env.integer("BATCH_SLOTS", 8, least=1)
ARTIFACT_MEMORY = env.integer("ARTIFACT_MEMORY_MB", 256)
TRAINING_DIR = Path(env.text("TRAINING_DIR", tempfile.gettempdir()))
TRAINING_MEMORY = env.integer("TRAINING_MEMORY_MB", 16_384)
TRAINING_DISK = env.integer("TRAINING_DISK_MB", 20_480)
TRAINING_HOURS = env.number("TRAINING_HOURS", 24)
TRAINING_BATCH = env.integer("TRAINING_BATCH", 8)
CHECKPOINT_SECONDS = env.number("CHECKPOINT_SECONDS", 600)
CHECKPOINT_HOURS = env.integer("CHECKPOINT_HOURS", 24)
WHISPER_DIR = env.text("WHISPER_DIR", "")
ACCEPTED_LICENCES = env.names("ACCEPTED_LICENCES")
LOUDNESS = env.number("LOUDNESS_LUFS", -16.0)
PEAK = env.number("PEAK_DBTP", -1.0)

# Webhooks
WEBHOOK_ALLOWED_NETWORKS = [ip_network(net) for net in env.names("WEBHOOK_ALLOWED_NETWORKS")]
WEBHOOK_CONNECT_SECONDS = env.number("WEBHOOK_CONNECT_SECONDS", 5)
WEBHOOK_SECONDS = env.number("WEBHOOK_SECONDS", 15)
WEBHOOK_RETRY_SECONDS = [
    float(seconds)
    for seconds in env.names(
        "WEBHOOK_RETRY_SECONDS", "5,300,1800,7200,18000,36000,50400,72000,86400"
    )
]
WEBHOOK_SENDERS = env.integer("WEBHOOK_SENDERS", 64)
WEBHOOK_PER_RECEIVER = env.integer("WEBHOOK_PER_RECEIVER", 8)
WEBHOOK_FAILING = timedelta(days=env.number("WEBHOOK_FAILING_DAYS", 5))
WEBHOOK_KEPT = timedelta(days=env.number("WEBHOOK_DAYS", 30))

# Audio: a folder where no S3 endpoint is set
AUDIO_FOLDER = Path(env.text("AUDIO_FOLDER", str(BASE_DIR / "var" / "audio")))
S3_ENDPOINT = env.text("S3_ENDPOINT", "")
S3_PUBLIC_ENDPOINT = env.text("S3_PUBLIC_ENDPOINT", "")
S3_ACCESS_KEY = env.text("S3_ACCESS_KEY", "")
S3_SECRET_KEY = env.text("S3_SECRET_KEY", "")
S3_BUCKET = env.text("S3_BUCKET", "voicemill")
S3_REGION = env.text("S3_REGION", "us-east-1")
LINK_SECONDS = env.integer("LINK_SECONDS", 300)
RENDER_HOURS = env.number("RENDER_HOURS", 24)
ORPHAN_HOURS = env.number("ORPHAN_HOURS", 24)
KEEP_ORIGINALS = env.flag("KEEP_ORIGINALS", True)

# Django
WEB_APPS = [
    "unfold.apps.BasicAppConfig",
    "unfold.contrib.filters",
    "config.admin.OurAdminConfig",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "rest_framework",
    "drf_spectacular",
    "drf_spectacular_sidecar",
]
INSTALLED_APPS = [
    *(WEB_APPS if WEB else []),
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "tenants",
    "jobs",
    "voices",
    "personalities",
]
MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "tenants.problems.ProblemMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]
ROOT_URLCONF = "config.urls" if WEB else ""
WSGI_APPLICATION = "config.wsgi.application"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "tenants" / "templates"],  # what of Unfold's is ours comes first
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ]
        },
    }
]
AUTHENTICATION_BACKENDS = ["tenants.door.Door"]
PASSWORD_HASHERS = ["django.contrib.auth.hashers.Argon2PasswordHasher"]
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
USE_TZ = True
TIME_ZONE = "UTC"
LANGUAGE_CODE = "en"
STATIC_URL = "static/"
WHITENOISE_USE_FINDERS = True
DATA_UPLOAD_MAX_MEMORY_SIZE = MAX_BODY
APPEND_SLASH = False
X_FRAME_OPTIONS = "DENY"
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = PUBLIC_URL.startswith("https:")
SECURE_HSTS_SECONDS = env.integer("HSTS_SECONDS", 3_600 if SESSION_COOKIE_SECURE else 0)
SECURE_PROXY_SSL_HEADER = env.proxy_header(env.text("PROXY_TLS_HEADER", ""), "https")
SECURE_SSL_REDIRECT = SECURE_PROXY_SSL_HEADER is not None
SILENCED_SYSTEM_CHECKS = [  # what else lives under the host's name is not for us to say
    "security.W005",
    "security.W021",
]
LOGGING = logging_settings(env.text("LOG_LEVEL", "INFO"), env.text("LOG_FORMAT", "line"))
LOGGING_CONFIG = "config.logs.configure"
LOG_ACCESS = env.flag("LOG_ACCESS", True)
COUNT_SECONDS = env.number("COUNT_SECONDS", 5)

REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "tenants.auth.KeyAuthentication",
        "tenants.sessions.PersonAuthentication",
    ],
    "DEFAULT_PERMISSION_CLASSES": ["tenants.auth.HasScope"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["tenants.parsers.JSONBodyParser"],
    "DEFAULT_CONTENT_NEGOTIATION_CLASS": "tenants.parsers.AlwaysJSON",
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
    "EXCEPTION_HANDLER": "tenants.problems.answer_exception",
    "UNICODE_JSON": False,  # what a client sent and we quote may hold half a character
    "UNAUTHENTICATED_USER": None,
    "UNAUTHENTICATED_TOKEN": None,
}
SPECTACULAR_SETTINGS = {
    "TITLE": "Voicemill",
    "DESCRIPTION": "Text and a voice go in, audio in that voice comes out.",
    "VERSION": "1",
    "SERVE_INCLUDE_SCHEMA": False,
    "COMPONENT_SPLIT_REQUEST": True,
    "SCHEMA_PATH_PREFIX": "/api/v1",
    "ENUM_NAME_OVERRIDES": {
        "SampleState": "voices.api.sample_bodies.STATES",
        "TranscriptFormat": "voices.api.sample_bodies.TRANSCRIPTS",
        "FormatEnum": "voices.requests.FORMATS",
    },
    "POSTPROCESSING_HOOKS": [
        "drf_spectacular.hooks.postprocess_schema_enums",
        "tenants.openapi.describe_refusals",
    ],
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
}
