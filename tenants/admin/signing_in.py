"""The log-in form: tries are counted, and what fails is written down."""

from __future__ import annotations

from math import ceil
from typing import TYPE_CHECKING, Any

from django.contrib.auth.models import User
from django.core.exceptions import ValidationError

from tenants import throttle
from tenants.admin.words import duration
from tenants.audit import Actor, record
from tenants.people import membership_of

if TYPE_CHECKING:
    from django.contrib.admin.forms import AdminAuthenticationForm
else:
    from unfold.forms import AuthenticationForm as AdminAuthenticationForm

TOO_OFTEN = "Too many tries: try again in {}. Until then the right password is refused as well."
SOMEBODY = Actor("somebody", "", "Somebody")


class SignInForm(AdminAuthenticationForm):
    wait = 0  # seconds

    def clean(self) -> dict[str, Any]:
        name, password = self.cleaned_data.get("username"), self.cleaned_data.get("password")
        if self.request is None or not name or not password:
            return super().clean()
        made = throttle.Try.of(self.request, name)
        counted = throttle.count_try(made)
        if counted.wait:
            self._refuse(name, counted)
        try:
            cleaned: dict[str, Any] = super().clean()
        except ValidationError:
            self._note("sign_in.failed", name)
            raise
        throttle.forget_try(made)
        return cleaned

    def confirm_login_allowed(self, user: User) -> None:
        """Django's admin lets in its staff; here a tenant's people as well."""
        if membership_of(user) is None:
            super().confirm_login_allowed(user)

    def _refuse(self, name: str, counted: throttle.Counted) -> None:
        self.wait = ceil(counted.wait)
        if counted.newly:
            self._note("sign_in.blocked", name)
        raise ValidationError(TOO_OFTEN.format(duration(self.wait)), code="too_often")

    def _note(self, action: str, name: str) -> None:
        """Of whom there is; what else is typed as a name may be somebody's password."""
        user = User.objects.select_related("membership").filter(username=name).first()
        person = membership_of(user) if user else None
        record(
            SOMEBODY,
            action,
            tenant_id=person.tenant_id if person else None,
            kind="person",
            object_id=user.pk if user else "",
            name=user.get_username() if user else "",
            address=throttle.address_of(self.request) if self.request else "",
        )
