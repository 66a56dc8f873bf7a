"""The admin's name, colours and sidebar. Every file it shows comes from this server."""

from django.templatetags.static import static
from django.urls import reverse_lazy


def item(title: str, icon: str, page: str) -> dict[str, object]:
    """One line of the sidebar."""
    return {"title": title, "icon": icon, "link": reverse_lazy(page)}


SIDEBAR = [
    {
        "items": [
            item("Today", "monitoring", "admin:index"),
            item("Operations", "speed", "operations")
            | {"permission": "jobs.admin.operations.page.may_see"},
        ]
    },
    {
        "title": "Work",
        "separator": True,
        "items": [
            item("Jobs", "graphic_eq", "admin:jobs_job_changelist"),
            item("Usage", "receipt_long", "admin:jobs_usage_changelist"),
        ],
    },
    {
        "title": "Speech",
        "separator": True,
        "items": [
            item("Voices", "record_voice_over", "admin:voices_voice_changelist"),
            item("Engines", "settings_voice", "admin:jobs_offer_changelist"),
        ],
    },
    {
        "title": "Machines",
        "separator": True,
        "items": [
            item("Workers", "memory", "admin:jobs_worker_changelist"),
            item("Queues", "stacks", "admin:jobs_queue_changelist"),
        ],
    },
    {
        "title": "Customers",
        "separator": True,
        "items": [
            item("Tenants", "apartment", "admin:tenants_tenant_changelist"),
            item("Tiers", "layers", "admin:tenants_tier_changelist"),
            item("Webhooks", "webhook", "admin:jobs_endpoint_changelist"),
            item("Deliveries", "outgoing_mail", "admin:jobs_delivery_changelist"),
        ],
    },
    {
        "title": "This place",
        "separator": True,
        "items": [
            item("People", "group", "admin:auth_user_changelist"),
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
