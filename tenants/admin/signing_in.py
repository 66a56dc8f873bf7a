"""The log-in form."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tenants.admin.asking import AsksPassword
from tenants.people import membership_of

if TYPE_CHECKING:
    from django.contrib.admin.forms import AdminAuthenticationForm
    from django.contrib.auth.models import User
else:
    from unfold.forms import AuthenticationForm as AdminAuthenticationForm


WRONG = (
    "This name and this password do not go together. Capital letters count in both, and a"
    " tenant's people have its short name after theirs, such as ann@acme."
)


class SignInForm(AsksPassword, AdminAuthenticationForm):
    deed = "sign_in"
    error_messages = {
        **AdminAuthenticationForm.error_messages,
        "invalid_login": WRONG,
    }

    def clean(self) -> dict[str, Any]:
        name, password = self.cleaned_data.get("username"), self.cleaned_data.get("password")
        if not name or not password:
            return super().clean()
        with self.counted(name):
            cleaned: dict[str, Any] = super().clean()
        return cleaned

    def confirm_login_allowed(self, user: User) -> None:
        """Django's admin lets in its staff; here a tenant's people as well."""
        if membership_of(user) is None:
            super().confirm_login_allowed(user)
