"""All that one tenant can own, each with a name that betrays it wherever it shows."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.auth.models import User
from django.test import override_settings

from jobs.models import Job, Usage
from jobs.webhooks.endpoints import create_endpoint, send_test
from jobs.webhooks.models import Delivery, Endpoint
from personalities.models import Personality
from personalities.services import create_personality
from tenants import people
from tenants.audit import PLATFORM, of_person, record
from tenants.models import ApiKey, AuditLine, Membership, Tenant, Tier
from tenants.roles import Role
from tenants.services import create_tenant, issue_key
from tests.sample_place import done, failed
from tests.speech import make_voice
from voices.models import Consent, Making, Sample, Voice

if TYPE_CHECKING:
    from django.db.models import Model


@dataclass(frozen=True, slots=True)
class World:
    """A tenant's rows: one of each kind, by model."""

    name: str
    tenant: Tenant
    people: dict[Role, User]
    rows: dict[type[Model], Any] = field(default_factory=dict)

    def ids(self) -> dict[str, str]:
        """By the names that addresses give to ids."""
        rows = self.rows
        return {
            "tenant_id": str(self.tenant.id),
            "job_id": str(rows[Job].pk),
            "batch_id": str(rows[Job].batch_id),
            "key_id": rows[ApiKey].pk,
            "endpoint_id": str(rows[Endpoint].pk),
            "webhook_id": str(rows[Endpoint].pk),
            "delivery_id": str(rows[Delivery].pk),
            "person_id": str(rows[Membership].pk),
            "voice_id": str(rows[Voice].pk),
            "reference": str(rows[Voice].pk),
            "sample_id": str(rows[Sample].pk),
            "consent_id": str(rows[Consent].pk),
            "personality_id": str(rows[Personality].pk),
            "personality": str(rows[Personality].pk),
        }

    def traces(self) -> list[str]:
        """What stands on a page only where it shows something of this tenant's."""
        long = [str(row.pk) for row in self.rows.values() if len(str(row.pk)) > len("professional")]
        return [self.name.lower(), *long]


def make_world(name: str) -> World:
    """Through services where there are, so that each row is as it would be."""
    Tier.objects.get_or_create(slug="professional", defaults={"name": "Professional"})
    tenant = create_tenant(slug=name.lower(), name=f"{name} Ltd", tier="professional")
    world = World(name, tenant, {role: _person(tenant, name, role) for role in Role})
    for make in (_keys_and_people, _speech, _own_voice, _webhooks, _papers):
        world.rows.update({type(row): row for row in make(world)})
    return world


@override_settings(PASSWORD_HASHERS=["django.contrib.auth.hashers.MD5PasswordHasher"])
def _person(tenant: Tenant, name: str, role: Role) -> User:
    """Nobody types these passwords, so they need not cost what they should."""
    added = people.add_person(tenant=tenant, name=f"{name}.{role}", role=role, actor=PLATFORM)
    return User.objects.select_related("membership__tenant").get(id=added.person.user_id)


def _keys_and_people(world: World) -> list[Model]:
    key = issue_key(tenant=world.tenant, name=f"{world.name} key").key
    owner = world.people[Role.OWNER]
    return [world.tenant, key, owner, owner.membership]


def _speech(world: World) -> list[Model]:
    """A job that went wrong, and one with its usage."""
    done_id, failed_id = (make(world.tenant, f"{world.name} speaks.") for make in (done, failed))
    Usage.objects.filter(job_id=done_id).update(voice=world.name)
    message = f"{world.name} stopped."
    Job.objects.filter(id=failed_id).update(error_message=message)
    both = Job.objects.filter(id__in=[done_id, failed_id])
    both.update(kind=f"of-{world.name}", batch_id=done_id)
    return [Job.objects.get(id=done_id), Usage.objects.get(job_id=done_id)]


def _own_voice(world: World) -> list[Model]:
    """With all that it was made from."""
    owned: dict[str, Any] = {"tenant": world.tenant}
    voice = make_voice(world.name.lower(), description=f"Of {world.name}", **owned)
    of_it = owned | {"voice": voice}
    digest = hashlib.sha256(world.name.encode()).hexdigest()
    sample = Sample.objects.create(
        **of_it,
        name=f"{world.name}.wav",
        original=digest,
        original_bytes=1,
        sha256=digest,
        state=Sample.State.ACCEPTED,
    )
    consent = Consent.objects.create(
        **of_it, speaker=world.name, text_version="1", recorded_by=world.name, samples=[digest]
    )
    Making.objects.create(
        **of_it, job_id=world.rows[Job].pk, consent=consent, kind="train", samples=[digest]
    )
    personality = create_personality(
        tenant_id=world.tenant.id,
        actor=PLATFORM,
        fields={"name": world.name, "description": f"Of {world.name}"},
    )
    return [voice, sample, consent, personality, voice.revisions.get()]


def _webhooks(world: World) -> list[Model]:
    url = f"https://1.1.1.1/{world.name}"
    endpoint = create_endpoint(tenant_id=world.tenant.id, url=url, description=world.name)
    return [endpoint, send_test(endpoint)]


def _papers(world: World) -> list[Model]:
    """A line of the audit log, and a note in the history of each row so far."""
    owner = world.people[Role.OWNER]
    record(
        of_person(owner), f"{world.name.lower()}.made", tenant_id=world.tenant.id, name=world.name
    )
    for row in world.rows.values():
        note(row, owner, f"By {world.name}")
    return [AuditLine.objects.filter(tenant=world.tenant).latest("id")]


def note(row: Any, user: User, text: str) -> None:
    """In the row's history, as the admin would."""
    LogEntry.objects.log_actions(user.pk, [row], CHANGE, text, single_object=True)
