"""Buttons that change something: each posts, after a question, to an address of its own."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django.utils.html import format_html
from django.views.decorators.http import require_POST

if TYPE_CHECKING:
    from collections.abc import Callable

    from django.contrib.admin import AdminSite
    from django.http import HttpRequest, HttpResponse
    from django.utils.safestring import SafeString

    View = Callable[..., HttpResponse]

# The page's own form has other work: templates/tenants/admin/button_form.html is theirs.
FORM = "vm-buttons"


@dataclass(frozen=True, slots=True)
class Button:
    """What it says, where it posts to, and what is asked first."""

    text: str
    address: str
    question: str
    tone: str = "plain"

    def __str__(self) -> SafeString:
        return format_html(
            '<button type="submit" form="{}" formaction="{}" data-question="{}"'
            ' class="vm-button vm-{}">{}</button>',
            FORM,
            self.address,
            self.question,
            self.tone,
            self.text,
        )

    __html__ = __str__


def posted(site: AdminSite, view: View) -> View:
    """The view for signed-in staff, by POST alone: a link followed by mistake changes nothing."""

    def only_post(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        return require_POST(view)(request, *args, **kwargs)

    return site.admin_view(only_post)
