"""Django's own door for people, which knows whose people they are."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.contrib.auth.backends import ModelBackend
from django.contrib.auth.models import User

from tenants.people import membership_of

if TYPE_CHECKING:
    from django.db.models import Model


class Door(ModelBackend):
    """A tenant's people have no permission of Django's: what they may do is in tenants/roles.py."""

    def get_user(self, user_id: int) -> User | None:
        """With the tenant, in one question; None for whom this door is closed by now."""
        user = User.objects.select_related("membership__tenant").filter(pk=user_id).first()
        return user if user is not None and self.user_can_authenticate(user) else None

    def user_can_authenticate(self, user: Any) -> bool:
        person = membership_of(user)
        return super().user_can_authenticate(user) and (person is None or person.tenant.active)

    def get_all_permissions(self, user_obj: Any, obj: Model | None = None) -> set[str]:
        return set() if membership_of(user_obj) else super().get_all_permissions(user_obj, obj)
