"""The audit log in the admin: who did what, newest first. Nobody edits it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from django.contrib import admin
from unfold.contrib.filters.admin import AutocompleteSelectFilter
from unfold.paginator import InfinitePaginator

from tenants.admin.looks import DropdownFilter, LookedAt
from tenants.admin.owned import OwnedAdmin, member_of
from tenants.admin.periods import PeriodFilter
from tenants.admin.words import NOTHING, exact, listed, when
from tenants.audit import told
from tenants.models import AuditLine
from tenants.roles import Right

if TYPE_CHECKING:
    from django.contrib.admin import ModelAdmin
    from django.db.models import QuerySet
    from django.http import HttpRequest
    from django.utils.safestring import SafeString

LATEST = 1_000  # lines whose deeds and doers are offered as choices
FACTS = ["when_exactly", "who", "what", "of_what", "details", "request_id"]


class LatestFilter(DropdownFilter):
    """What stands in a column of the latest lines that this person may see."""

    column: ClassVar[str]

    def lookups(self, request: HttpRequest, model_admin: ModelAdmin[Any]) -> list[tuple[str, str]]:
        lines = model_admin.get_queryset(request).order_by("-id")
        found = set(lines.values_list(self.column, flat=True)[:LATEST]) | {self.value() or ""}
        return [(value, value) for value in sorted(found - {""})]

    def has_output(self) -> bool:
        return True

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        return queryset.filter(**{self.column: value}) if (value := self.value()) else queryset


class ActionFilter(LatestFilter):
    title = "what was done"
    parameter_name = column = "action"


class ActorFilter(LatestFilter):
    title = "who did it"
    parameter_name = column = "told_by"


@admin.register(AuditLine)
class AuditAdmin(LookedAt, OwnedAdmin[AuditLine]):
    """For owners of a tenant what concerns it, for the platform's staff everything."""

    rights = {"view": Right.AUDIT}
    hidden = {"tenant"}
    list_display = ["moment", "who", "what", "of_what", "details", "tenant"]
    list_filter = [PeriodFilter, ActionFilter, ActorFilter, ("tenant", AutocompleteSelectFilter)]
    list_filter_submit = True
    list_select_related = ["tenant"]
    list_per_page = 50
    ordering = ["-id"]
    sortable_by = ()
    show_full_result_count = False
    paginator = InfinitePaginator
    fields = tuple(FACTS)
    readonly_fields = FACTS

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        return told(super().get_queryset(request), insider=member_of(request) is None)

    @admin.display(description="When")
    def moment(self, line: AuditLine) -> SafeString | str:
        return when(line.at)

    @admin.display(description="When")
    def when_exactly(self, line: AuditLine) -> str:
        return exact(line.at)

    @admin.display(description="Who")
    def who(self, line: Any) -> str:
        return str(line.told_by)

    @admin.display(description="What")
    def what(self, line: AuditLine) -> str:
        return line.action

    @admin.display(description="Of what")
    def of_what(self, line: AuditLine) -> str:
        named = line.object_name or line.object_id
        return f"{line.object_kind} {named}".strip() or NOTHING

    @admin.display(description="Details")
    def details(self, line: AuditLine) -> str:
        return listed(line.detail) or NOTHING
