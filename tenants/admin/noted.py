"""Edits made in the admin's forms, written into the audit log in the transaction of the edit."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

from django.db import transaction
from django.db.models import Model

from tenants.admin.looks import ModelAdmin
from tenants.audit import of_person, record

if TYPE_CHECKING:
    from uuid import UUID

    from django.db.models import QuerySet
    from django.http import HttpRequest

Row = TypeVar("Row", bound=Model)


class NotedAdmin(ModelAdmin[Row]):
    """Which fields were changed, and never to what: a field may hold somebody's text."""

    def tenant_of(self, row: Any) -> UUID | None:
        """Whose log it is written into. None: the platform's own."""
        return None

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        """Nothing is written but what was changed here: somebody else may be at the rest."""
        if not change:
            super().save_model(request, obj, form, change)
        elif form.changed_data:
            columns = {field.name for field in self.opts.concrete_fields}
            obj.save(update_fields=columns.intersection(form.changed_data))
        else:
            return
        self.note(request, "changed" if change else "added", obj, fields=form.changed_data)

    def delete_model(self, request: HttpRequest, obj: Any) -> None:
        self.note(request, "deleted", obj)
        super().delete_model(request, obj)

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> None:
        with transaction.atomic():
            for row in queryset:
                self.delete_model(request, row)

    def note(self, request: HttpRequest, deed: str, row: Any, **detail: Any) -> None:
        kind = str(self.opts.model_name)
        record(
            of_person(request.user),
            f"{kind}.{deed}",
            tenant_id=self.tenant_of(row),
            kind=kind,
            object_id=row.pk,
            name=str(row),
            **detail,
        )
