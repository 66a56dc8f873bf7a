"""The levers: pause and resume a queue, drain and resume a worker. Each is written down."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import HttpResponseRedirect
from django.urls import path, reverse

from jobs.models import Queue, Worker
from jobs.services import steering, workers
from tenants.admin.buttons import Button
from tenants.admin.words import lasted
from tenants.audit import of_person

if TYPE_CHECKING:
    from collections.abc import Callable

    from django.http import HttpRequest, HttpResponse

    from jobs.admin.operations.classes import HardwareClass
    from jobs.admin.operations.crew import Hand

NOT_POSTED = "Nothing was done. Press the button again."


@dataclass(frozen=True, slots=True)
class Lever:
    """What is done to a row, and what is said of it then, or where there was nothing to do."""

    model: Any
    word: str
    pull: Callable[..., bool]
    done: str
    before: str
    question: str
    tone: str = "plain"

    @property
    def url_name(self) -> str:
        return f"operations_{self.word}_{self.model._meta.model_name}"  # noqa: SLF001 - documented

    @property
    def permission(self) -> str:
        return f"jobs.change_{self.model._meta.model_name}"  # noqa: SLF001 - documented

    def button(self, name: str) -> Button:
        question = self.question.format(name=name, patience=lasted(settings.DRAIN))
        address = reverse(self.url_name, args=[name])
        return Button(self.word.capitalize(), address, question, self.tone)


PAUSE = Lever(
    Queue,
    "pause",
    steering.pause_queue,
    "Paused",
    "was paused before",
    "Pause {name}? Nothing new begins on it. What runs is finished, what waits keeps its place,"
    " and new jobs are accepted and wait.",
)
RESUME_QUEUE = Lever(
    Queue,
    "resume",
    steering.resume_queue,
    "Resumed",
    "was open before",
    "Resume {name}? Its jobs begin again at once.",
    "main",
)
DRAIN = Lever(
    Worker,
    "drain",
    workers.drain_worker,
    "Draining",
    "drained before",
    "Drain {name}? It takes nothing new. What it cannot finish within {patience} goes back in line"
    " and to other workers. It drains until it is resumed or started again.",
)
RESUME_WORKER = Lever(
    Worker,
    "resume",
    workers.resume_worker,
    "Resumed",
    "was at work before",
    "Resume {name}? It takes jobs again at once.",
    "main",
)


def of_queue(request: HttpRequest, queue: HardwareClass) -> list[Button]:
    lever = RESUME_QUEUE if queue.paused else PAUSE
    return [lever.button(queue.name)] if request.user.has_perm(lever.permission) else []


def of_worker(request: HttpRequest, hand: Hand) -> list[Button]:
    lever = RESUME_WORKER if hand.is_draining else DRAIN
    return [lever.button(hand.worker.name)] if request.user.has_perm(lever.permission) else []


def pull_lever(request: HttpRequest, name: str, *, lever: Lever) -> HttpResponse:
    """By POST alone; whatever comes of it is said on the page."""
    if not request.user.has_perm(lever.permission):
        raise PermissionDenied
    if request.method == "POST":
        _pull(request, lever, name)
    else:  # somebody had to sign in first
        messages.warning(request, NOT_POSTED)
    return HttpResponseRedirect(reverse("operations"))


def _pull(request: HttpRequest, lever: Lever, name: str) -> None:
    row = lever.model.objects.filter(pk=name).first()
    if row is None:
        kind = lever.model._meta.verbose_name  # noqa: SLF001 - documented
        messages.error(request, f"There is no {kind} {name} any more.")
    elif lever.pull(name=name, actor=of_person(request.user)):
        admin.site.get_model_admin(lever.model).log_change(request, row, f"{lever.done}.")
        messages.success(request, f"{lever.done}: {name}.")
    else:
        messages.info(request, f"{name} {lever.before}.")


def _address(where: str, lever: Lever) -> Any:
    view = admin.site.admin_view(partial(pull_lever, lever=lever))
    return path(f"{where}/<path:name>/{lever.word}/", view, name=lever.url_name)


urlpatterns = [
    *(_address("queues", lever) for lever in (PAUSE, RESUME_QUEUE)),
    *(_address("workers", lever) for lever in (DRAIN, RESUME_WORKER)),
]
