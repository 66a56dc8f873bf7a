"""Log-ins counted in the ledger, by name and by address, before a password is looked at."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import timedelta
from ipaddress import ip_address, ip_network
from typing import TYPE_CHECKING, Self

from django.db import connection
from django.db.models import F
from django.db.models.functions import Now

from tenants.models import SignInTries

if TYPE_CHECKING:
    from django.http import HttpRequest

WINDOW = timedelta(minutes=15)
OF_A_NAME, OF_AN_ADDRESS = 5, 20
IPV6, HOME = 6, 64  # one home has the rest of the bits to itself

# The window begins with the first try, and anew with the last that is let in: then it is a wait.
COUNT = """
    INSERT INTO tenants_signintries AS t (name, tries, counted_from) VALUES (%(name)s, 1, now())
    ON CONFLICT (name) DO UPDATE
       SET (tries, counted_from) = (
         SELECT CASE WHEN is_over THEN 1 ELSE t.tries + 1 END,
                CASE WHEN is_over OR t.tries + 1 = %(most)s THEN now() ELSE t.counted_from END
           FROM (SELECT t.counted_from + %(window)s::interval < now() AS is_over) AS window_of)
    RETURNING tries, extract(epoch FROM counted_from + %(window)s::interval - now())"""


@dataclass(frozen=True, slots=True)
class Try:
    """One try to sign in: whose, and from where."""

    name: str
    address: str

    @classmethod
    def of(cls, request: HttpRequest, username: str) -> Self:
        """The address is the connection's: the server alone decides which proxies it believes."""
        return cls(_hashed("name", username), _hashed("address", address_of(request)))


@dataclass(frozen=True, slots=True)
class Counted:
    """How long this one must wait (0: not at all), and whether it is the first to be told so."""

    wait: float
    newly: bool


def count_try(made: Try) -> Counted:
    """Counted before it is judged, so that tries at one time cannot all be the last one allowed.

    One that is refused for its name counts for nobody: not against others at its address.
    """
    address = _count(made.address, OF_AN_ADDRESS)
    if address.wait:
        return address
    name = _count(made.name, OF_A_NAME)
    if name.wait:
        _uncount(made.address)
    return name


def forget_try(made: Try) -> None:
    """It succeeded: the name begins anew, and the address has failed once less."""
    SignInTries.objects.filter(name=made.name).delete()
    _uncount(made.address)


def forget_old_tries(*, dry_run: bool = False) -> int:
    """A sweep: what no longer counts."""
    old = SignInTries.objects.filter(counted_from__lt=Now() - WINDOW)
    return old.count() if dry_run else old.delete()[0]


def address_of(request: HttpRequest) -> str:
    """Of IPv6 the network, which is one customer's."""
    try:
        address = ip_address(request.META.get("REMOTE_ADDR", ""))
    except ValueError:
        return "unknown"
    if address.version == IPV6:
        return str(ip_network((address, HOME), strict=False))
    return str(address)


def _count(name: str, most: int) -> Counted:
    with connection.cursor() as cursor:
        cursor.execute(COUNT, {"name": name, "window": f"{WINDOW.seconds} s", "most": most})
        tries, left = cursor.fetchone()
    return Counted(float(left) if tries > most else 0.0, newly=tries == most + 1)


def _uncount(name: str) -> None:
    SignInTries.objects.filter(name=name, tries__gt=0).update(tries=F("tries") - 1)


def _hashed(kind: str, text: str) -> str:
    """What is typed as a name may be a password."""
    return hashlib.sha256(f"{kind} {text}".encode()).hexdigest()
