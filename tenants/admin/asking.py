"""Forms that ask for a password: tries are counted, and what fails is written down."""

from __future__ import annotations

from contextlib import contextmanager
from math import ceil
from typing import TYPE_CHECKING, Any, ClassVar

from django.contrib.auth.models import User
from django.core.exceptions import ValidationError

from tenants import throttle
from tenants.admin.words import duration
from tenants.audit import Actor, record
from tenants.people import membership_of

if TYPE_CHECKING:
    from collections.abc import Iterator

TOO_OFTEN = "Too many tries: try again in {}. Until then the right password is refused as well."
SOMEBODY = Actor("somebody", "", "Somebody")


class AsksPassword:
    """Whichever form asks: a name, or an address, has so many tries in all."""

    deed: ClassVar[str]  # what the log calls that which was tried
    request: Any
    wait = 0  # seconds

    @contextmanager
    def counted(self, name: str) -> Iterator[None]:
        """A try with this name, judged within."""
        made = throttle.Try.of(self.request, name)
        counted = throttle.count_try(made)
        if counted.wait:
            self._refuse(name, counted)
        try:
            yield
        except ValidationError:
            self._note("failed", name)
            raise
        throttle.forget_try(made)

    def _refuse(self, name: str, counted: throttle.Counted) -> None:
        self.wait = ceil(counted.wait)
        if counted.newly:
            self._note("blocked", name)
        raise ValidationError(TOO_OFTEN.format(duration(self.wait)), code="too_often")

    def _note(self, outcome: str, name: str) -> None:
        """Of whom there is; what else is typed as a name may be somebody's password."""
        user = User.objects.select_related("membership").filter(username=name).first()
        address = throttle.address_of(self.request)
        note_of(user, SOMEBODY, f"{self.deed}.{outcome}", address=address)


def note_of(user: User | None, actor: Actor, action: str, **detail: Any) -> None:
    """In the log of the person's tenant, or of the platform."""
    person = membership_of(user) if user else None
    record(
        actor,
        action,
        tenant_id=person.tenant_id if person else None,
        kind="person",
        object_id=user.pk if user else "",
        name=user.get_username() if user else "",
        **detail,
    )
