"""Who may sign in here, of whatever tenant or of none."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.contrib import admin
from django.contrib.admin.utils import unquote
from django.contrib.auth.admin import UserAdmin
from django.contrib.auth.models import Group, User
from django.db import transaction
from unfold.forms import AdminPasswordChangeForm, UserChangeForm, UserCreationForm

from tenants.admin.noted import NotedAdmin
from tenants.people import membership_of

if TYPE_CHECKING:
    from uuid import UUID

    from django.http import HttpRequest, HttpResponse

admin.site.unregister([User, Group])


@admin.register(User)
class PersonAdmin(UserAdmin, NotedAdmin[User]):  # type: ignore[type-arg]
    form = UserChangeForm
    add_form = UserCreationForm
    change_password_form = AdminPasswordChangeForm
    list_display = ["username", "belongs_to", "is_active", "is_staff", "is_superuser", "last_login"]
    list_select_related = ["membership__tenant"]
    list_filter = []
    filter_horizontal = ()
    fieldsets = [
        (None, {"fields": ["username", "password", "first_name", "last_name", "email"]}),
        ("What they may do", {"fields": ["is_active", "is_staff", "is_superuser"]}),
        ("Single permissions", {"fields": ["user_permissions"], "classes": ["collapse"]}),
    ]

    @admin.display(description="Of")
    def belongs_to(self, user: User) -> str:
        person = membership_of(user)
        return f"{person.tenant}, {person.role}" if person else "the platform"

    def get_readonly_fields(self, request: HttpRequest, obj: User | None = None) -> Any:
        """A tenant's people are no staff, and permissions of Django's mean nothing for them."""
        fixed = list(super().get_readonly_fields(request, obj))
        if obj is None or membership_of(obj) is None:
            return fixed
        return [*fixed, "username", "is_staff", "is_superuser", "user_permissions"]

    def has_delete_permission(self, request: HttpRequest, obj: User | None = None) -> bool:
        """A tenant's people are removed on its page, which keeps it an owner."""
        mine = obj is None or membership_of(obj) is None
        return mine and super().has_delete_permission(request, obj)

    @transaction.atomic
    def user_change_password(
        self,
        request: HttpRequest,
        id: str,  # noqa: A002 - as Django calls it
        form_url: str = "",
    ) -> HttpResponse:
        """Written down where one was set, or taken away."""
        user = self.get_object(request, unquote(id))
        before = _held_password(user) if user else ""
        answer = super().user_change_password(request, id, form_url)
        if user is not None and _held_password(user) != before:
            self.note(request, "password_set", user)
        return answer

    def tenant_of(self, row: User) -> UUID | None:
        person = membership_of(row)
        return person.tenant_id if person else None


def _held_password(user: User) -> str:
    """As it is kept, and as it stays until the transaction ends but for us."""
    held = User.objects.select_for_update(no_key=True).filter(pk=user.pk)
    return held.values_list("password", flat=True).get()
