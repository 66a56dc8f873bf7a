"""Workers, queues and engines in the admin: what there is to work with, and is it awake."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.contrib import admin
from django.db.models import Count, Q, Sum
from django.utils import timezone

from jobs.admin.filters import QueueFilter
from jobs.models import Offer, Queue, Worker
from jobs.services import steering
from tenants.admin.looks import LookedAt, ModelAdmin
from tenants.admin.words import NOTHING, badge, plain, when
from tenants.audit import of_person

if TYPE_CHECKING:
    from collections.abc import Callable

    from django.db.models import QuerySet
    from django.http import HttpRequest
    from django.utils.safestring import SafeString


@admin.register(Worker)
class WorkerAdmin(LookedAt, ModelAdmin[Worker]):
    """Who works where. A worker that went silent stays listed until it returns or is replaced."""

    list_display = ["name", "state", "queue", "slots", "engine_names", "memory", "heartbeat", "up"]
    list_filter = [QueueFilter]
    list_filter_submit = True
    fields = ["name", "state", "queue", "slots", "engine_names", "memory", "pid", "heartbeat", "up"]
    readonly_fields = ["state", "engine_names", "memory", "heartbeat", "up"]

    @admin.display(description="State")
    def state(self, worker: Worker) -> SafeString:
        if timezone.now() - worker.heartbeat_at > settings.WORKER_ALIVE:
            return badge("silent", "bad", "No heartbeat: its jobs go to others")
        if worker.drain_asked_at is not None:
            return badge("draining", "warn", "Finishes what it has and takes nothing new")
        return badge("alive", "good")

    @admin.display(description="Engines")
    def engine_names(self, worker: Worker) -> str:
        return plain(worker.engines)

    @admin.display(description="Memory")
    def memory(self, worker: Worker) -> str:
        return f"{worker.memory_mb:,} MB" if worker.memory_mb else NOTHING

    @admin.display(description="Last heartbeat")
    def heartbeat(self, worker: Worker) -> SafeString | str:
        return when(worker.heartbeat_at)

    @admin.display(description="Started")
    def up(self, worker: Worker) -> SafeString | str:
        return when(worker.started_at)


@admin.register(Queue)
class QueueAdmin(LookedAt, ModelAdmin[Queue]):
    """Hardware classes. A paused one takes jobs and hands none out."""

    list_display = ["name", "state", "awake", "slots"]
    fields = ["name", "state", "awake", "slots"]
    readonly_fields = ["state", "awake", "slots"]
    actions = ["pause", "resume"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Queue]:
        alive = Q(
            workers__heartbeat_at__gt=timezone.now() - settings.WORKER_ALIVE,
            workers__drain_asked_at=None,
        )
        return (
            super()
            .get_queryset(request)
            .annotate(
                awake_workers=Count("workers", filter=alive),
                free_slots=Sum("workers__slots", filter=alive, default=0),
            )
        )

    def has_steer_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("jobs.change_queue")

    @admin.display(description="State")
    def state(self, queue: Queue) -> SafeString:
        return badge("paused", "warn") if queue.paused else badge("open", "good")

    @admin.display(description="Workers awake")
    def awake(self, queue: Any) -> int:
        count: int = queue.awake_workers
        return count

    @admin.display(description="Jobs at once")
    def slots(self, queue: Any) -> int:
        count: int = queue.free_slots
        return count

    @admin.action(description="Pause: hand out no more jobs", permissions=["steer"])
    def pause(self, request: HttpRequest, queues: QuerySet[Queue]) -> None:
        self._steer(request, queues, steering.pause_queue, "Paused")

    @admin.action(description="Resume", permissions=["steer"])
    def resume(self, request: HttpRequest, queues: QuerySet[Queue]) -> None:
        self._steer(request, queues, steering.resume_queue, "Resumed")

    def _steer(
        self,
        request: HttpRequest,
        queues: QuerySet[Queue],
        steer: Callable[..., bool],
        word: str,
    ) -> None:
        actor = of_person(request.user)
        steered = [queue for queue in queues if steer(name=queue.name, actor=actor)]
        for queue in steered:
            self.log_change(request, queue, f"{word}.")
        names = ", ".join(queue.name for queue in steered)
        self.message_user(request, f"{word}: {names or 'none, they were so before'}.")


@admin.register(Offer)
class OfferAdmin(LookedAt, ModelAdmin[Offer]):
    """What engines can do, as their workers announced it."""

    list_display = ["engine", "queue", "version", "language_count", "model_count", "able", "seen"]
    told = [
        "version",
        "languages",
        "models",
        "dials",
        "able",
        "longest",
        "speed",
        "licence",
        "seen",
    ]
    fields = ["engine", "queue", *told]
    readonly_fields = told
    ordering = ["engine", "queue"]

    @admin.display(description="Version")
    def version(self, offer: Offer) -> str:
        return plain(offer.capabilities.get("version"))

    @admin.display(description="Languages")
    def language_count(self, offer: Offer) -> int:
        return len(offer.capabilities.get("languages", ()))

    @admin.display(description="Voices installed")
    def model_count(self, offer: Offer) -> int:
        return len(offer.capabilities.get("models", ()))

    @admin.display(description="Languages")
    def languages(self, offer: Offer) -> str:
        return plain(sorted(offer.capabilities.get("languages", ())))

    @admin.display(description="Voices installed")
    def models(self, offer: Offer) -> str:
        return plain([model["id"] for model in offer.capabilities.get("models", ())])

    @admin.display(description="Settings it knows")
    def dials(self, offer: Offer) -> str:
        known = offer.capabilities.get("dials", {}).items()
        return plain([f"{name} {dial['low']:g} to {dial['high']:g}" for name, dial in known])

    @admin.display(description="Can also")
    def able(self, offer: Offer) -> str:
        words = {
            "streams": "stream",
            "clones": "clone a voice",
            "trained": "speak trained voices",
            "trains": "train a voice",
        }
        return plain([word for name, word in words.items() if offer.capabilities.get(name)])

    @admin.display(description="Longest text")
    def longest(self, offer: Offer) -> str:
        return f"{offer.capabilities.get('max_characters', 0):,} characters"

    @admin.display(description="Speed")
    def speed(self, offer: Offer) -> str:
        factor = offer.capabilities.get("real_time_factor")
        return f"about {1 / factor:,.0f} seconds of speech in a second" if factor else NOTHING

    @admin.display(description="Licence")
    def licence(self, offer: Offer) -> str:
        use = "" if offer.capabilities.get("commercial", True) else " (not for commercial use)"
        return plain(offer.capabilities.get("licence")) + use

    @admin.display(description="Announced")
    def seen(self, offer: Offer) -> SafeString | str:
        return when(offer.seen_at)
