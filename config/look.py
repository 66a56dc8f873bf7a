"""The admin's name, colours and sidebar. Every file it shows comes from this server."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.templatetags.static import static
from django.urls import reverse_lazy

if TYPE_CHECKING:
    from django.http import HttpRequest

OPERATIONS = "jobs.admin.operations.page.may_see"


def item(title: str, icon: str, page: str, permission: Any = None) -> dict[str, object]:
    """One line of the sidebar, for whom its page is."""
    return {"title": title, "icon": icon, "link": reverse_lazy(page), "permission": permission}


def rows(title: str, icon: str, label: str) -> dict[str, object]:
    """The line of a list: of the rows of a model."""

    def may_see(request: HttpRequest) -> bool:
        from django.apps import apps
        from django.contrib import admin

        return admin.site.get_model_admin(apps.get_model(label)).has_view_permission(request)

    return item(title, icon, f"admin:{label.replace('.', '_')}_changelist", may_see)


SIDEBAR = [
    {
        "items": [
            item("Today", "monitoring", "admin:index"),
            item("Operations", "speed", "operations", OPERATIONS),
        ]
    },
    {
        "title": "Work",
        "separator": True,
        "items": [
            rows("Jobs", "graphic_eq", "jobs.job"),
            rows("Usage", "receipt_long", "jobs.usage"),
        ],
    },
    {
        "title": "Speech",
        "separator": True,
        "items": [
            rows("Personalities", "face", "personalities.personality"),
            rows("Voices", "record_voice_over", "voices.voice"),
            rows("Engines", "settings_voice", "jobs.offer"),
        ],
    },
    {
        "title": "Machines",
        "separator": True,
        "items": [
            rows("Workers", "memory", "jobs.worker"),
            rows("Queues", "stacks", "jobs.queue"),
        ],
    },
    {
        "title": "Customers",
        "separator": True,
        "items": [
            rows("Tenants", "apartment", "tenants.tenant"),
            rows("Tiers", "layers", "tenants.tier"),
            rows("Webhooks", "webhook", "jobs.endpoint"),
            rows("Deliveries", "outgoing_mail", "jobs.delivery"),
        ],
    },
    {
        "title": "This place",
        "separator": True,
        "items": [
            rows("People", "group", "auth.user"),
            rows("Audit", "policy", "tenants.auditline"),
            item("API pages", "api", "docs"),
        ],
    },
]

UNFOLD = {
    "SITE_TITLE": "Voicemill",
    "SITE_HEADER": "Voicemill",
    "SITE_SUBHEADER": "Text in, speech out",
    "SITE_SYMBOL": "graphic_eq",
    "SITE_URL": None,
    "SHOW_BACK_BUTTON": True,
    "DASHBOARD_CALLBACK": "jobs.admin.overview.show_today",
    "STYLES": [lambda request: static("voicemill/admin.css")],
    "SCRIPTS": [lambda request: static("voicemill/admin.js")],
    "SIDEBAR": {"navigation": SIDEBAR},
    "COLORS": {
        "primary": {
            "50": "oklch(96.2% .018 272.314)",
            "100": "oklch(93% .034 272.788)",
            "200": "oklch(87% .065 274.039)",
            "300": "oklch(78.5% .115 274.713)",
            "400": "oklch(67.3% .182 276.935)",
            "500": "oklch(58.5% .233 277.117)",
            "600": "oklch(51.1% .262 276.966)",
            "700": "oklch(45.7% .24 277.023)",
            "800": "oklch(39.8% .195 277.366)",
            "900": "oklch(35.9% .144 278.697)",
            "950": "oklch(25.7% .09 281.288)",
        }
    },
}
