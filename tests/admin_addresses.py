"""Every address of the admin as its resolver knows it, filled with rows of one's choice."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django.contrib import admin
from django.contrib.auth.models import Group, Permission, User
from django.contrib.contenttypes.models import ContentType
from django.urls import URLPattern, URLResolver, get_resolver
from django.urls.resolvers import RegexPattern

from jobs.models import Job, Offer, Queue, Worker
from tenants.admin.owned import Scoped
from tenants.models import Tier

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from django.db.models import Model

PARAMETER = re.compile(r"<(?:(\w+):)?(\w+)>")
OF_A_MODEL = re.compile(r"^admin/(\w+)/(\w+)/")
OF_THE_PLATFORM: tuple[type[Model], ...] = (Worker, Queue, Offer, Tier, User, Group, Permission)
PLAIN = {"role": "viewer", "name": "cpu", "url": "nowhere/at/all/"}


class CannotFillError(AssertionError):
    """The walk of the admin must know what to put into this address."""


@dataclass(frozen=True, slots=True)
class Address:
    """One pattern of the resolver under /admin."""

    route: str
    names: tuple[str, ...]

    @property
    def model(self) -> type[Model] | None:
        """Whose pages these are: of an app's part of the admin, or of none."""
        found = OF_A_MODEL.match(self.route)
        known = {(m._meta.app_label, m._meta.model_name): m for m in admin.site._registry}
        return known.get((found[1], found[2])) if found else None

    @property
    def is_owned(self) -> bool:
        """Whether a tenant's people may come here at all, for rows of their own."""
        return self.model is not None and isinstance(admin.site._registry[self.model], Scoped)

    def filled(self, ids: Mapping[str, str], rows: Mapping[type[Model], Any]) -> str:
        values = {name: self._value(name, ids, rows) for name in self.names}
        return "/" + PARAMETER.sub(lambda found: values[found[2]], self.route)

    def _value(self, name: str, ids: Mapping[str, str], rows: Mapping[type[Model], Any]) -> str:
        if name in PLAIN:
            return PLAIN[name]
        if name in ids:
            return ids[name]
        if name == "content_type_id":
            return str(ContentType.objects.get_for_model(Job).pk)
        if name in {"object_id", "id"}:
            return str(row_of(self.model or Job, rows).pk)
        raise CannotFillError(f"{self.route}: what is {name}? (tests/worlds.py)")


def row_of(model: type[Model], rows: Mapping[type[Model], Any]) -> Any:
    if model in rows:
        return rows[model]
    if model in OF_THE_PLATFORM and (row := model._default_manager.first()) is not None:
        return row
    raise CannotFillError(f"there is no {model.__name__} of another tenant's (tests/worlds.py)")


def addresses() -> list[Address]:
    found = [one for one in _under(get_resolver(), "") if one.route.startswith("admin/")]
    assert len(found) > 80
    return found


def _under(resolver: URLResolver, prefix: str) -> Iterator[Address]:
    for pattern in resolver.url_patterns:
        route = prefix + _route(pattern)
        if isinstance(pattern, URLResolver):
            yield from _under(pattern, route)
        else:
            yield from _expanded(route)


def _route(pattern: URLPattern | URLResolver) -> str:
    """An expression's groups become parameters, so that one that is new stands out."""
    if not isinstance(pattern.pattern, RegexPattern):
        return str(pattern.pattern)
    expression = pattern.pattern.regex.pattern.strip("^$")
    return re.sub(r"\(\?P<(\w+)>[^)]*\)", r"<str:\1>", expression)


def _expanded(route: str) -> Iterator[Address]:
    """An app's page is one for each app."""
    apps = sorted({model._meta.app_label for model in admin.site._registry})
    for app in apps if "<str:app_label>" in route else [""]:
        named = route.replace("<str:app_label>", app)
        yield Address(named, tuple(found[2] for found in PARAMETER.finditer(named)))
