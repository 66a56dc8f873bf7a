"""What a tenant's people see of the admin: rows of their tenant, as far as their role goes.

A page for rows that have an owner is an `OwnedAdmin`; its inlines are `OwnedInline`:

    @admin.register(Sample)
    class SampleAdmin(OwnedAdmin[Sample]):
        owned_by = "voice__tenant"  # the way from a row to its tenant; "tenant" where not said
        shared = False  # True: rows without a tenant are everybody's to see, nobody's to edit
        rights = {"view": Right.SEE, "change": Right.EDIT, "steer": Right.SPEAK}
        hidden = {"tenant", QueueFilter}  # columns and filters for the platform's staff alone

What `rights` does not name, a tenant's people may not do. Everything a page shows or changes comes
through `get_queryset` then: the list, its search and actions, a row's own pages (404 for another
tenant's), choices of foreign keys, autocomplete. A view of one's own begins with `row_of`, or with
`steered`, which also asks for the right "steer". For the platform's staff all is as Django has it;
a page that is no OwnedAdmin is theirs alone (tenants/door.py).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, TypeVar

from django.contrib.auth.models import User
from django.core.exceptions import PermissionDenied
from django.db.models import Model, Q
from django.http import Http404
from django.shortcuts import get_object_or_404

from tenants.admin.looks import ModelAdmin, TabularInline
from tenants.models import Membership
from tenants.people import membership_of
from tenants.roles import Right, Role, may

if TYPE_CHECKING:
    from collections.abc import Mapping
    from collections.abc import Set as AbstractSet
    from uuid import UUID

    from django.db.models import QuerySet
    from django.http import HttpRequest, HttpResponse

Row = TypeVar("Row", bound=Model)
Parent = TypeVar("Parent", bound=Model)
SOMEBODY_ELSE = User(username="Somebody who is not of this tenant")


def member_of(request: HttpRequest) -> Membership | None:
    """Who is signed in, where it is somebody of a tenant."""
    return membership_of(request.user)


def granted(request: HttpRequest, permission: str, right: Right | None) -> bool:
    """By role for a tenant's people, by Django's permission for the platform's staff."""
    member = member_of(request)
    if member is None:
        return request.user.has_perm(permission)
    return right is not None and may(Role(member.role), right)


def rows_of(
    rows: QuerySet[Row], member: Membership | None, owner: str = "tenant", *, shared: bool = False
) -> QuerySet[Row]:
    """The rows that this person may see."""
    if member is None:
        return rows
    own = Q(**{owner: member.tenant_id})
    return rows.filter(own | Q(**{f"{owner}__isnull": True}) if shared else own)


class Scoped:
    """What a page and an inline have in common."""

    owned_by: ClassVar[str] = "tenant"
    shared: ClassVar[bool] = False
    rights: ClassVar[Mapping[str, Right]] = {}

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        rows: QuerySet[Any] = super().get_queryset(request)  # type: ignore[misc]
        return rows_of(rows, member_of(request), self.owned_by, shared=self.shared)

    def get_field_queryset(self, db: str | None, field: Any, request: HttpRequest) -> Any:
        """Choices of a foreign key: what its own page would list, and nothing where it has none."""
        if member_of(request) is None:
            return super().get_field_queryset(db, field, request)  # type: ignore[misc]
        site = self.admin_site  # type: ignore[attr-defined]
        pages = site._registry.get(field.related_model)  # noqa: SLF001 - get_model_admin() raises
        if isinstance(pages, Scoped):
            return pages.get_queryset(request)
        return field.related_model._default_manager.none()  # noqa: SLF001 - documented

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self._may(request, "view", obj)

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self._may(request, "add", obj)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self._may(request, "change", obj)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self._may(request, "delete", obj)

    def has_steer_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Who may have something done with a row, which itself is nobody's to edit."""
        return self._may(request, "steer", obj)

    def reaches(self, member: Membership, what: str, obj: Any) -> bool:
        """Whether this row is the person's to do that with. An inline's is its page's to say."""
        return True

    def _may(self, request: HttpRequest, what: str, obj: Any) -> bool:
        member = member_of(request)
        if member is None:
            return self._staff_may(request, what)
        right = self.rights.get(what)
        return (
            right is not None and may(Role(member.role), right) and self.reaches(member, what, obj)
        )

    def _staff_may(self, request: HttpRequest, what: str) -> bool:
        """Django's permissions; who may change a row may see it, and steer it."""
        opts = self.opts  # type: ignore[attr-defined]
        enough = {"view": ("view", "change"), "steer": ("change",)}.get(what, (what,))
        names = [f"{opts.app_label}.{one}_{opts.model_name}" for one in enough]
        return any(request.user.has_perm(name) for name in names)


class OwnedInline(Scoped, TabularInline[Row, Parent]):
    """Rows on the page of an owned one."""


class OwnedAdmin(Scoped, ModelAdmin[Row]):
    """Pages of rows that have an owner."""

    hidden: ClassVar[AbstractSet[Any]] = frozenset()

    def owner_of(self, row: Any) -> UUID | None:
        *way, last = self.owned_by.split("__")
        for name in way:
            row = getattr(row, name)
        found: UUID | None = getattr(row, last if last == "pk" else f"{last}_id")
        return found

    def reaches(self, member: Membership, what: str, obj: Any) -> bool:
        if obj is None:
            return True
        owner = self.owner_of(obj)
        return owner == member.tenant_id or (what == "view" and self.shared and owner is None)

    def row_of(self, request: HttpRequest, row_id: object) -> Any:
        """A row that this person may see, for a view of our own."""
        row = get_object_or_404(self.get_queryset(request), pk=row_id)
        if not self.has_view_permission(request, row):
            raise PermissionDenied
        return row

    def steered(self, request: HttpRequest, row_id: object) -> Any:
        """A row that this person may have something done with."""
        row = get_object_or_404(self.get_queryset(request), pk=row_id)
        if not self.has_steer_permission(request, row):
            raise PermissionDenied
        return row

    def get_object(
        self, request: HttpRequest, object_id: str, from_field: str | None = None
    ) -> Any:
        """What is not there, or another tenant's, is 404 and no redirect with a message."""
        row = super().get_object(request, object_id, from_field)
        if row is None:
            raise Http404
        return row

    def has_module_permission(self, request: HttpRequest) -> bool:
        if member_of(request) is None:
            return super().has_module_permission(request)
        return self.has_view_permission(request)

    def get_list_display(self, request: HttpRequest) -> Any:
        shown = super().get_list_display(request)
        if member_of(request) is None:
            return shown
        return [name for name in shown if name not in self.hidden]

    def get_list_filter(self, request: HttpRequest) -> Any:
        """Filters by a relation would offer what belongs to others."""
        offered = super().get_list_filter(request)
        if member_of(request) is None:
            return offered
        return [one for one in offered if one not in self.hidden and not self._by_relation(one)]

    def _by_relation(self, one: Any) -> bool:
        if isinstance(one, type):
            return False
        name = one if isinstance(one, str) else one[0]
        return self.opts.get_field(name.split("__")[0]).is_relation

    def history_view(
        self, request: HttpRequest, object_id: str, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """What was done to the row; by name only who is of the same tenant."""
        response = super().history_view(request, object_id, extra_context)
        member, context = member_of(request), getattr(response, "context_data", None)
        if member is not None and context:
            colleagues = set(_colleagues(member))
            for entry in context["action_list"]:
                if entry.user_id not in colleagues:
                    entry.user = SOMEBODY_ELSE
        return response


def _colleagues(member: Membership) -> QuerySet[Membership, int]:
    people = Membership.objects.filter(tenant_id=member.tenant_id)
    return people.values_list("user_id", flat=True)
