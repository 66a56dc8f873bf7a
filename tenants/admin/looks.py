"""Unfold's admin classes, typed as the Django classes they extend; and what is only looked at."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from django.contrib.admin import ModelAdmin, SimpleListFilter, TabularInline
    from django.db.models import Model
    from django.http import HttpRequest

    DropdownFilter = SimpleListFilter
else:
    import unfold.admin
    from unfold.contrib.filters.admin import DropdownFilter

    class Typed:
        """Unfold's classes carry no type parameters of their own."""

        def __class_getitem__(cls, _: Any) -> type:
            return cls

    class ModelAdmin(Typed, unfold.admin.ModelAdmin):
        pass

    class TabularInline(Typed, unfold.admin.TabularInline):
        pass


__all__ = ["DropdownFilter", "LookedAt", "ModelAdmin", "TabularInline"]


class LookedAt:
    """Rows that are seen in the admin and never added, edited or deleted there."""

    def has_add_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False
