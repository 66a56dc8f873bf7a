"""The role matrix: every thing that can be done in the admin, by everybody who may try."""

from __future__ import annotations

import re
import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import resolve, reverse

from jobs.models import Job, Usage
from jobs.webhooks.models import Delivery, Endpoint
from personalities.models import Personality
from tenants.admin.members import ROLE_WORDS
from tenants.models import ApiKey, AuditLine
from tenants.roles import RIGHTS, Right, Role, may
from tests.admin_addresses import addresses
from tests.sample_place import failed, make_workers, submit
from tests.worlds import World, make_world
from voices.models import Voice

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.django_db

DONE = {200, 302, 422}  # or what was sent will not do
STAFF, PASSER_BY = "staff", "passer-by"
STANDARD = {"changelist", "add", "history", "delete", "change"}
REDIRECTS = {"admin:django.views.generic.base.RedirectView"}  # an old form of a row's address


@dataclass(frozen=True, slots=True)
class Deed:
    """A page that is opened, or with `sends` something that is posted; None: nobody of a tenant."""

    right: Right | None
    page: str
    row: Any = None
    more: tuple[str, ...] = ()
    sends: dict[str, Any] | None = None

    def done_by(self, visitor: Client, world: World) -> int:
        path = reverse(self.page, args=[*self._ids(world), *self.more])
        answer = visitor.get(path) if self.sends is None else visitor.post(path, self.sends)
        at_the_door = answer.status_code == 302 and "/login/" in answer["Location"]
        return 401 if at_the_door else answer.status_code

    def _ids(self, world: World) -> list[Any]:
        if self.row is None:
            return []
        return [world.rows[self.row].pk if isinstance(self.row, type) else self.row(world)]


def a_queued_job(world: World) -> Any:
    return submit(world.tenant, "Later.")


def a_failed_job(world: World) -> Any:
    return failed(world.tenant, "Never.")


def the_viewer(world: World) -> Any:
    return world.people[Role.VIEWER].membership.pk


def the_tenant(world: World) -> Any:
    return world.tenant.pk


VOICE = {"name": "New", "language": "en-GB", "description": "", "version": "1"} | {
    f"revisions-{one}_FORMS": "0" for one in ("TOTAL", "INITIAL")
}
DEEDS = [
    Deed(Right.SEE, "admin:index"),
    Deed(Right.SEE, "admin:jobs_job_changelist"),
    Deed(Right.SEE, "admin:jobs_job_change", Job),
    Deed(Right.SEE, "admin:jobs_job_history", Job),
    Deed(Right.SEE, "admin:jobs_job_audio", Job),
    Deed(Right.SPEAK, "admin:jobs_job_cancel", a_queued_job, sends={}),
    Deed(Right.SPEAK, "admin:jobs_job_retry", a_failed_job, sends={}),
    Deed(Right.SEE, "admin:jobs_usage_changelist"),
    Deed(Right.SEE, "admin:jobs_usage_change", Usage),
    Deed(Right.SEE, "admin:voices_voice_changelist"),
    Deed(Right.SEE, "admin:voices_voice_change", Voice),
    Deed(Right.EDIT, "admin:voices_voice_add"),
    Deed(Right.EDIT, "admin:voices_voice_change", Voice, sends=VOICE),
    Deed(Right.SEE, "admin:personalities_personality_changelist"),
    Deed(Right.SEE, "admin:personalities_personality_change", Personality),
    Deed(Right.SEE, "admin:personalities_export", Personality),
    Deed(Right.EDIT, "admin:personalities_prompt", sends={}),
    Deed(Right.EDIT, "admin:personalities_primary", Personality, sends={}),
    Deed(Right.EDIT, "admin:personalities_double", Personality, sends={}),
    Deed(Right.EDIT, "admin:personalities_import"),
    Deed(Right.EDIT, "admin:personalities_personality_add"),
    Deed(Right.ERASE, "admin:personalities_personality_delete", Personality),
    Deed(Right.PEOPLE, "admin:tenants_tenant_changelist"),
    Deed(Right.PEOPLE, "admin:tenants_tenant_change", the_tenant),
    Deed(Right.KEYS, "admin:tenants_tenant_issue_key", the_tenant),
    Deed(Right.KEYS, "admin:tenants_apikey_rotate", ApiKey, sends={}),
    Deed(Right.KEYS, "admin:tenants_apikey_revoke", ApiKey, sends={}),
    Deed(Right.PEOPLE, "admin:tenants_tenant_add_person", the_tenant),
    Deed(
        Right.PEOPLE,
        "admin:tenants_tenant_add_person",
        the_tenant,
        sends={"name": "new", "role": "viewer"},
    ),
    Deed(Right.PEOPLE, "admin:tenants_membership_role", the_viewer, ("editor",), sends={}),
    Deed(Right.PEOPLE, "admin:tenants_membership_password", the_viewer, sends={}),
    Deed(Right.WEBHOOKS, "admin:jobs_endpoint_changelist"),
    Deed(Right.WEBHOOKS, "admin:jobs_endpoint_change", Endpoint),
    Deed(Right.WEBHOOKS, "admin:jobs_endpoint_test", Endpoint, sends={}),
    Deed(Right.WEBHOOKS, "admin:jobs_endpoint_switch", Endpoint, sends={}),
    Deed(Right.WEBHOOKS, "admin:jobs_delivery_changelist"),
    Deed(Right.WEBHOOKS, "admin:jobs_delivery_change", Delivery),
    Deed(Right.WEBHOOKS, "admin:jobs_delivery_replay", Delivery, sends={}),
    Deed(Right.AUDIT, "admin:tenants_auditline_changelist"),
    Deed(Right.AUDIT, "admin:tenants_auditline_change", AuditLine),
    Deed(Right.PEOPLE, "admin:tenants_membership_remove", the_viewer, sends={}),
    Deed(None, "admin:tenants_tenant_add"),
    Deed(None, "admin:tenants_tier_changelist"),
    Deed(None, "admin:jobs_worker_changelist"),
    Deed(None, "admin:jobs_queue_changelist"),
    Deed(None, "admin:jobs_offer_changelist"),
    Deed(None, "admin:auth_user_changelist"),
    Deed(None, "admin:auth_user_add"),
    Deed(None, "operations"),
    Deed(None, "operations_now"),
]


@pytest.fixture
def world(db: None) -> World:
    make_workers()
    return make_world("Ownwares")


@pytest.fixture(params=[*Role, STAFF, PASSER_BY])
def visitor(request: pytest.FixtureRequest, world: World) -> Client:
    client = Client()
    if request.param in set(Role):
        client.force_login(world.people[request.param])
    elif request.param == STAFF:
        client.force_login(User.objects.create_superuser("operator"))
    else:
        client.force_login(User.objects.create_user("passer-by"))
    return client


def test_each_may_do_what_the_role_says_and_nothing_else(
    request: pytest.FixtureRequest, visitor: Client, world: World
) -> None:
    who = request.node.callspec.params["visitor"]
    for deed in DEEDS:
        expected = expected_of(who, deed)
        assert deed.done_by(visitor, world) in expected, (who, deed)


def expected_of(who: str, deed: Deed) -> set[int]:
    if who == PASSER_BY:
        return {401}
    if who == STAFF:
        return DONE
    allowed = deed.right is not None and may(Role(who), deed.right)
    return DONE if allowed else {403}


def test_the_matrix_knows_every_address_that_is_not_djangos_own() -> None:
    """A button or a page of ours that is not in the matrix has no rights that anybody checked."""
    known = {deed.page for deed in DEEDS}
    assert known >= set(own_pages())


def own_pages() -> Iterator[str]:
    for address in addresses():
        name = name_of(address.route)
        if address.is_owned and name.rpartition("_")[2] not in STANDARD | REDIRECTS:
            yield name


def name_of(route: str) -> str:
    """What the resolver calls an address, asked with ids that need not exist."""
    samples = {"uuid": str(uuid.UUID(int=0)), "int": "1"}
    path = re.sub(r"<(?:(\w+):)?\w+>", lambda found: samples.get(found[1], "x"), route)
    return resolve(f"/{path}").view_name


def test_a_right_more_is_a_right_more() -> None:
    """Each role may do what the lesser one may; only the table says more."""
    assert RIGHTS[Role.VIEWER] < RIGHTS[Role.EDITOR] < RIGHTS[Role.OWNER] == set(Right)
    assert set(RIGHTS) == set(Role) == set(ROLE_WORDS)


@pytest.mark.parametrize("role", list(Role))
def test_the_sidebar_offers_what_one_may_open_and_nothing_else(world: World, role: Role) -> None:
    client = Client()
    client.force_login(world.people[role])
    shown = client.get("/admin/").content.decode()
    for deed in DEEDS:
        if deed.page.endswith("_changelist"):
            opens = deed.right is not None and may(role, deed.right)
            assert (f'href="{reverse(deed.page)}"' in shown) is opens, (role, deed.page)


def test_the_first_page_tells_a_tenants_people_their_own_figures(world: World) -> None:
    make_world("Quokkabeam")
    client = Client()
    client.force_login(world.people[Role.VIEWER])
    told = client.get("/admin/").context
    tiles = {tile.title: tile.value for tile in told["tiles"]}
    assert (tiles["Done today"], tiles["Failed today"], tiles["In line"]) == ("1", "1", "0")
    assert [row["job"].tenant for row in told["failures"]] == [world.tenant]
    assert (told.get("queues"), told.get("tenants")) == (None, None)


def test_the_page_of_a_job_does_not_name_the_worker_to_its_tenant(world: World) -> None:
    path = reverse("admin:jobs_job_change", args=[world.rows[Job].pk])
    client, operator = Client(), Client()
    client.force_login(world.people[Role.OWNER])
    operator.force_login(User.objects.create_superuser("operator"))
    assert "cpu@alpha" in operator.get(path).content.decode()
    assert "cpu@alpha" not in client.get(path).content.decode()


def test_permissions_of_django_mean_nothing_for_a_tenants_people(world: World) -> None:
    from django.contrib.auth.models import Permission

    viewer = world.people[Role.VIEWER]
    viewer.user_permissions.set(Permission.objects.all())
    client = Client()
    client.force_login(viewer)
    for page in ("admin:jobs_worker_changelist", "admin:tenants_tenant_add", "operations"):
        assert client.get(reverse(page)).status_code == 403
    assert not User.objects.get(pk=viewer.pk).has_perm("jobs.view_worker")
