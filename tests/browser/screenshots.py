"""`make screenshots`: the main pages, light, dark and on a phone, in var/screenshots."""

from __future__ import annotations

import os
import shutil
import sys
from typing import TYPE_CHECKING, Any

from playwright.sync_api import ViewportSize

from fleet.home import ROOT
from fleet.scratch import scratch_services
from tests.browser.serving import chromium, find_chromium, serving
from tests.environment import FOLDER, child_environment

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

    from tests.sample_place import Place

PICTURES = ROOT / "var" / "screenshots"
USER, PASSWORD = "admin", "only-for-pictures"
OWNER = "ann@postal"
OWN = {
    "index": "/admin/",
    "personalities": "/admin/personalities/personality/",
    "new-personality": "/admin/personalities/personality/add/",
    "import": "/admin/personalities/personality/import/",
    "voices": "/admin/voices/voice/",
    "new-voice": "/admin/voices/voice/add/",
    "tenants": "/admin/tenants/tenant/",
    "audit": "/admin/tenants/auditline/",
    "password": "/admin/password_change/",
}
DESK, HAND = ViewportSize(width=1440, height=900), ViewportSize(width=390, height=844)
LOOKS: dict[str, dict[str, Any]] = {
    "light": {"viewport": DESK, "color_scheme": "light"},
    "dark": {"viewport": DESK, "color_scheme": "dark"},
    "phone": {"viewport": HAND, "device_scale_factor": 2, "is_mobile": True, "has_touch": True},
}
MOST = 3  # windows a long page's picture shows


def main() -> int:
    program = find_chromium()
    if program is None:
        print("no Chromium here: install one (apt-get install chromium) and try again")
        return 1
    try:
        picture_a_sample_place(program)
    finally:
        shutil.rmtree(FOLDER, ignore_errors=True)
    return 0


def picture_a_sample_place(program: str) -> None:
    """On servers of its own, which are gone afterwards."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    os.environ.setdefault("ENGINES", "espeak,mimic=tests.engines:MimicEngine")
    with scratch_services(FOLDER) as services:
        pages, owner = furnish()
        environment = child_environment(
            DATABASE_URL=services.postgres.url, WORKER_ALIVE_SECONDS="600"
        )
        with serving(environment, FOLDER / "api.log") as address, chromium(program) as browser:
            take_all(browser, address, pages, owner)


def furnish() -> tuple[dict[str, str], str]:
    """Tables, a sample place and who signs in: the pages to picture, and an owner's password."""
    import django

    django.setup()
    from django.contrib.auth.models import User
    from django.core.management import call_command
    from django.db import connections

    from tests.browser import states
    from tests.sample_place import make_place, make_samples

    call_command("migrate", verbosity=0, interactive=False)
    place = make_place()
    pages = pages_of(place)
    make_samples()
    states.add_recordings(place.tenant.voices.get())
    pages |= {
        f"voice-{kind}": f"/admin/voices/voice/{voice.id}/change/"
        for kind, voice in states.add_voices(place.tenant, place.token).items()
    }
    User.objects.create_superuser(USER, password=PASSWORD)
    password = states.add_people(place.tenant)
    connections.close_all()
    return pages, password


def pages_of(place: Place) -> dict[str, str]:
    from jobs.models import Offer
    from jobs.webhooks.models import Delivery, Endpoint
    from personalities.models import Personality
    from personalities.settling import settle
    from tenants.models import Tenant
    from voices.models import Voice

    settle(place.tenant.id)
    marcel = Personality.objects.get(tenant=place.tenant, slug="marcel")
    engine, voice = Offer.objects.get(), Voice.objects.get(tenant=place.tenant)
    gone = Endpoint.objects.get(disabled_reason="gone")
    failing = Delivery.objects.filter(tried=1, state="pending").latest("id")
    return {
        "index": "/admin/",
        "operations": "/admin/operations/",
        "jobs": "/admin/jobs/job/",
        "job": f"/admin/jobs/job/{place.jobs['succeeded']}/change/",
        "failed-job": f"/admin/jobs/job/{place.jobs['failed']}/change/",
        "tenants": "/admin/tenants/tenant/",
        "tenant": f"/admin/tenants/tenant/{place.tenant.id}/change/",
        "new-key": f"/admin/tenants/tenant/{place.tenant.id}/issue-key/",
        "workers": "/admin/jobs/worker/",
        "queues": "/admin/jobs/queue/",
        "engine": f"/admin/jobs/offer/{engine.id}/change/",
        "personalities": "/admin/personalities/personality/",
        "personality": f"/admin/personalities/personality/{marcel.id}/change/",
        "voices": "/admin/voices/voice/",
        "voice": f"/admin/voices/voice/{voice.id}/change/",
        "webhooks": "/admin/jobs/endpoint/",
        "webhook": f"/admin/jobs/endpoint/{gone.id}/change/",
        "deliveries": "/admin/jobs/delivery/",
        "delivery": f"/admin/jobs/delivery/{failing.id}/change/",
        "people": "/admin/auth/user/",
        "new-person": f"/admin/tenants/tenant/{place.tenant.id}/add-person/",
        "empty-tenant": f"/admin/tenants/tenant/{Tenant.objects.get(slug='museum').id}/change/",
        "audit": "/admin/tenants/auditline/",
        "usage": f"/admin/jobs/usage/?tenant__id__exact={place.tenant.id}",
        "api-docs": "/api/docs",
    }


def take_all(browser: Browser, address: str, pages: dict[str, str], owner: str) -> None:
    PICTURES.mkdir(parents=True, exist_ok=True)
    for look, options in LOOKS.items():
        page = browser.new_context(**options, reduced_motion="reduce").new_page()
        page.goto(f"{address}/admin/")
        take(page, f"sign-in-{look}")
        sign_in(page, address, USER, PASSWORD)
        for name, path in pages.items():
            page.goto(f"{address}{path}", wait_until="networkidle")
            take(page, f"{name}-{look}")
        page.goto(f"{address}{pages['new-key']}")
        page.get_by_label("Name").fill("night shift")
        page.get_by_role("button", name="Issue the key").click()
        take(page, f"key-{look}")
        take_own(
            browser.new_context(**options, reduced_motion="reduce").new_page(), address, look, owner
        )


def take_own(page: Page, address: str, look: str, password: str) -> None:
    """The pages of a tenant's owner; and what is said where the password is another."""
    page.goto(f"{address}/admin/")
    fill_in(page, OWNER, "forgotten")
    take(page, f"sign-in-refused-{look}")
    sign_in(page, address, OWNER, password)
    for name, path in OWN.items():
        page.goto(f"{address}{path}", wait_until="networkidle")
        take(page, f"own-{name}-{look}")


def take(page: Page, name: str) -> None:
    """The page in a window as high as it is: what sticks to a window's foot stays at the foot."""
    size = page.viewport_size or DESK
    needed = int(page.evaluate("document.documentElement.scrollHeight"))
    height = min(max(needed, size["height"]), MOST * size["height"])
    page.set_viewport_size(ViewportSize(width=size["width"], height=height))
    page.screenshot(path=PICTURES / f"{name}.png")
    page.set_viewport_size(size)
    print(f"var/screenshots/{name}.png")


def sign_in(page: Page, address: str, user: str, password: str) -> None:
    page.goto(f"{address}/admin/")
    fill_in(page, user, password)
    page.wait_for_url(f"{address}/admin/")


def fill_in(page: Page, user: str, password: str) -> None:
    page.fill("input[name=username]", user)
    page.fill("input[name=password]", password)
    page.click("button[type=submit]")


if __name__ == "__main__":
    sys.exit(main())
