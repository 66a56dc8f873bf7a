"""Webhooks in the admin: endpoints and how they fare, deliveries and what came back."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.contrib import admin, messages
from django.db import transaction
from django.http import HttpResponseRedirect
from django.urls import path, reverse
from unfold.contrib.filters.admin import AutocompleteSelectFilter
from unfold.paginator import InfinitePaginator

from jobs.admin import letters
from jobs.admin.filters import DeliveryStateFilter
from jobs.webhooks import deliveries, endpoints
from jobs.webhooks.errors import WebhookInactiveError
from jobs.webhooks.models import Delivery, Endpoint
from tenants.admin.buttons import Button, posted
from tenants.admin.looks import LookedAt
from tenants.admin.owned import OwnedAdmin
from tenants.admin.words import plain, when
from tenants.audit import of_person, record
from tenants.roles import Right

if TYPE_CHECKING:
    from uuid import UUID

    from django.db.models import QuerySet
    from django.http import HttpRequest, HttpResponse
    from django.urls import URLPattern
    from django.utils.safestring import SafeString

    from tenants.audit import Actor

AT_ONCE = 1_000  # deliveries one bulk action takes at most


class StoryAdmin(LookedAt, OwnedAdmin[Any]):
    """A row's page tells its story, with buttons for what can be done to it."""

    rights = {"view": Right.WEBHOOKS, "steer": Right.WEBHOOKS}
    hidden = {"tenant"}
    story: type[Any]
    fields = ()

    def buttons_of(self, request: HttpRequest, row: Any) -> list[Button]:
        return []

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        row = self.get_object(request, object_id)
        extra_context = {"story": self.story(row), "buttons": self.buttons_of(request, row)}
        return super().change_view(request, object_id, form_url, extra_context)


@admin.register(Endpoint)
class EndpointAdmin(StoryAdmin):
    """Made over the API; here they are seen, tested, and switched off and on."""

    story = letters.EndpointStory
    change_form_template = "jobs/admin/endpoint.html"
    list_display = ["address", "state", "tenant", "told_of", "made"]
    list_filter = ["active", ("tenant", AutocompleteSelectFilter)]
    list_filter_submit = True
    list_select_related = ["tenant"]
    list_per_page = 50
    ordering = ["-id"]
    sortable_by = ()
    search_fields = ["url", "description"]
    search_help_text = "Address or description"
    show_full_result_count = False

    @admin.display(description="Address")
    def address(self, endpoint: Endpoint) -> str:
        return str(endpoint)

    @admin.display(description="State")
    def state(self, endpoint: Endpoint) -> SafeString:
        return letters.endpoint_badge(endpoint)

    @admin.display(description="Told of")
    def told_of(self, endpoint: Endpoint) -> str:
        return plain([name.removeprefix("job.") for name in endpoint.events])

    @admin.display(description="Made")
    def made(self, endpoint: Endpoint) -> SafeString | str:
        return when(endpoint.created_at)

    def get_urls(self) -> list[URLPattern]:
        site, of = self.admin_site, "<uuid:endpoint_id>"
        return [
            path(f"{of}/test/", posted(site, self.test), name="jobs_endpoint_test"),
            path(f"{of}/switch/", posted(site, self.switch), name="jobs_endpoint_switch"),
            *super().get_urls(),
        ]

    def buttons_of(self, request: HttpRequest, endpoint: Endpoint) -> list[Button]:
        if not (self.has_steer_permission(request, endpoint) and endpoint.url):
            return []
        switch = reverse("admin:jobs_endpoint_switch", args=[endpoint.id])
        if not endpoint.active:
            question = "Switch it on? It is told of what happens from now on."
            return [Button("Switch on", switch, question, "main")]
        test = reverse("admin:jobs_endpoint_test", args=[endpoint.id])
        return [
            Button("Send a test", test, "Send a test message to this address?", "main"),
            Button("Switch off", switch, "Switch it off? What happens then is not told.", "bad"),
        ]

    def test(self, request: HttpRequest, endpoint_id: UUID) -> HttpResponse:
        """On to the test's own page."""
        endpoint = self.steered(request, endpoint_id)
        try:
            sent = _tested(endpoint, of_person(request.user))
        except WebhookInactiveError as error:
            self.message_user(request, str(error), messages.ERROR)
            return HttpResponseRedirect(letters.endpoint_page(endpoint))
        self.log_change(request, endpoint, "Sent a test.")
        self.message_user(request, "The test is on its way.")
        return HttpResponseRedirect(letters.delivery_page(sent))

    def switch(self, request: HttpRequest, endpoint_id: UUID) -> HttpResponse:
        endpoint = self.steered(request, endpoint_id)
        _switch(endpoint, of_person(request.user))
        done = "Switched on." if endpoint.active else "Switched off."
        self.log_change(request, endpoint, done)
        self.message_user(request, done)
        return HttpResponseRedirect(letters.endpoint_page(endpoint))


@admin.register(Delivery)
class DeliveryAdmin(StoryAdmin):
    """Messages to webhooks: seen, and sent again."""

    story = letters.DeliveryStory
    change_form_template = "jobs/admin/delivery.html"
    list_display = ["name", "state_label", "tenant", "receiver", "tried", "answer", "made"]
    list_filter = [DeliveryStateFilter, ("tenant", AutocompleteSelectFilter)]
    list_filter_submit = True
    list_select_related = ["tenant", "endpoint"]
    list_per_page = 50
    list_disable_select_all = True
    ordering = ["-id"]
    sortable_by = ()
    show_full_result_count = False
    paginator = InfinitePaginator
    actions = ["replay_selected"]

    @admin.display(description="State")
    def state_label(self, delivery: Delivery) -> SafeString:
        return letters.delivery_badge(delivery)

    @admin.display(description="Sent to")
    def receiver(self, delivery: Delivery) -> str:
        return delivery.url or delivery.endpoint.url

    @admin.display(description="Last answer")
    def answer(self, delivery: Delivery) -> str:
        return letters.last_answer(delivery)

    @admin.display(description="Made")
    def made(self, delivery: Delivery) -> SafeString | str:
        return when(delivery.created_at)

    def get_urls(self) -> list[URLPattern]:
        replay = posted(self.admin_site, self.replay)
        own = path("<uuid:delivery_id>/replay/", replay, name="jobs_delivery_replay")
        return [own, *super().get_urls()]

    def buttons_of(self, request: HttpRequest, delivery: Delivery) -> list[Button]:
        may = self.has_steer_permission(request, delivery)
        if delivery.state == Delivery.State.PENDING or not may:
            return []
        address = reverse("admin:jobs_delivery_replay", args=[delivery.id])
        return [Button("Send again", address, "Send this message again, now?", "main")]

    def replay(self, request: HttpRequest, delivery_id: UUID) -> HttpResponse:
        delivery = self.steered(request, delivery_id)
        outcome = _replayed(delivery, of_person(request.user))
        level = messages.SUCCESS if outcome == SENT_AGAIN else messages.ERROR
        self.log_change(request, delivery, f"Asked to send again: {outcome}")
        self.message_user(request, outcome, level)
        return HttpResponseRedirect(letters.delivery_page(delivery))

    @admin.action(description="Send again", permissions=["steer"])
    def replay_selected(self, request: HttpRequest, chosen: QuerySet[Delivery]) -> None:
        actor, rows = of_person(request.user), chosen.select_related("endpoint")[:AT_ONCE]
        outcomes = {_replayed(one, actor) for one in rows}
        self.message_user(request, " ".join(sorted(outcomes)))


SENT_AGAIN = "It is on its way again."


@transaction.atomic
def _switch(endpoint: Endpoint, actor: Actor) -> None:
    endpoints.change_endpoint(endpoint, active=not endpoint.active)
    _note(actor, f"webhook.switched_{'on' if endpoint.active else 'off'}", endpoint)


@transaction.atomic
def _tested(endpoint: Endpoint, actor: Actor) -> Delivery:
    sent = endpoints.send_test(endpoint)
    _note(actor, "webhook.tested", endpoint)
    return sent


def _replayed(delivery: Delivery, actor: Actor) -> str:
    try:
        with transaction.atomic():
            deliveries.replay(delivery)
            _note(actor, "delivery.replayed", delivery.endpoint, delivery=str(delivery.id))
    except WebhookInactiveError as error:
        return str(error)
    return SENT_AGAIN


def _note(actor: Actor, action: str, endpoint: Endpoint, **detail: str) -> None:
    """Not its address: that may hold a secret."""
    row, tenant_id = endpoint.id, endpoint.tenant_id
    record(actor, action, tenant_id=tenant_id, kind="webhook", object_id=row, **detail)
