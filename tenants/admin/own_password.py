"""The form by which somebody changes the own password."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.contrib.auth.models import User
from django.core.exceptions import PermissionDenied
from django.db import transaction

from tenants.admin.asking import AsksPassword, note_of
from tenants.audit import of_person

if TYPE_CHECKING:
    from django.contrib.auth.forms import PasswordChangeForm
    from django.http import HttpRequest
else:
    from unfold.forms import AdminOwnPasswordChangeForm as PasswordChangeForm


class OwnPasswordForm(AsksPassword, PasswordChangeForm):
    """Who finds a page left open has no more tries at the old password than at the door."""

    deed = "password_change"

    def __init__(self, user: User, *args: Any, request: HttpRequest, **kwargs: Any) -> None:
        super().__init__(user, *args, **kwargs)
        self.request = request

    def clean_old_password(self) -> str:
        with self.counted(self.user.get_username()):
            return super().clean_old_password()

    @transaction.atomic
    def save(self, commit: bool = True) -> User:
        """Not where it was set anew, or its owner locked out, since the old one was judged."""
        judged = self.user.password
        user: User = super().save(commit=False)
        if not User.objects.filter(pk=user.pk, password=judged).update(password=user.password):
            raise PermissionDenied
        note_of(user, of_person(user), "person.password_changed")
        return user
