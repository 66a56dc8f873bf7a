"""Personalities: what a tenant begins with, how they change, and who of them answers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from uuid import uuid4

import pytest
from django.db import IntegrityError, connection, transaction

from personalities import services
from personalities.errors import (
    PersonalityInactiveError,
    PersonalityNotFoundError,
    SlugTakenError,
)
from personalities.exchange import (
    duplicate_personality,
    export_personality,
    import_personality,
)
from personalities.models import Personality, Settled
from personalities.selectors import find_personality, tenant_personalities, which_personality
from personalities.settling import settle_all
from tenants.audit import PLATFORM, Actor
from tenants.limits import LimitReachedError
from tenants.models import AuditLine, Tenant
from tenants.versions import VersionChangedError
from tests.conftest import make_tenant
from tests.speech import make_voice
from voices.errors import VoiceNotFoundError
from voices.models import Voice
from voices.stock import load_stock_voices

if TYPE_CHECKING:
    from collections.abc import Mapping

pytestmark = pytest.mark.django_db(transaction=True)

OWNER = Actor("person", "7", "owner")


def make(tenant: Tenant, name: str = "Ada", **fields: Any) -> Personality:
    return services.create_personality(
        tenant_id=tenant.id, actor=OWNER, fields={"name": name} | fields
    )


def edit(found: Personality, expected: int | None = None, **fields: Any) -> Personality:
    return services.edit_personality(
        tenant_id=found.tenant_id,
        personality_id=found.id,
        actor=OWNER,
        expected=expected,
        fields=fields,
    )


def delete(found: Personality) -> Personality | None:
    return services.delete_personality(
        tenant_id=found.tenant_id, personality_id=found.id, actor=OWNER, expected=None
    )


def make_primary(found: Personality) -> Personality:
    return services.make_primary(tenant_id=found.tenant_id, personality_id=found.id, actor=OWNER)


def slugs(tenant: Tenant) -> list[str]:
    return list(tenant_personalities(tenant.id).values_list("slug", flat=True))


def primary(tenant: Tenant) -> list[str]:
    return [one.slug for one in tenant_personalities(tenant.id).filter(primary=True)]


def audited(tenant: Tenant) -> list[tuple[str, str, Mapping[str, Any]]]:
    lines = AuditLine.objects.filter(tenant=tenant, object_kind="personality").order_by("id")
    return [(line.action, line.actor_name, line.detail) for line in lines]


def test_a_tenant_begins_with_three_that_speak_with_stock_voices(tenant: Tenant) -> None:
    load_stock_voices()
    assert slugs(tenant) == ["marcel", "shante", "zac"]
    assert primary(tenant) == ["marcel"]
    voices = [one.voice.slug for one in tenant_personalities(tenant.id) if one.voice]
    assert voices == ["ryan", "amy", "joe"]
    assert audited(tenant) == [
        ("personality.settled", PLATFORM.name, {"slugs": ["marcel", "shante", "zac"]})
    ]


def test_where_no_stock_voice_is_loaded_they_come_without(tenant: Tenant) -> None:
    assert [one.voice for one in tenant_personalities(tenant.id)] == [None] * 3


def test_what_was_deleted_or_changed_does_not_come_again(tenant: Tenant) -> None:
    edit(find_personality(tenant.id, "zac"), name="Zachary")
    delete(find_personality(tenant.id, "shante"))
    settle_all()
    assert slugs(tenant) == ["marcel", "zac"]
    assert find_personality(tenant.id, "zac").name == "Zachary"


def test_a_tenant_that_older_code_made_with_plain_sql_begins_with_them_too(tenant: Tenant) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO tenants_tenant (id, slug, name, tier_id, active, commercial, created_at)"
            " VALUES (%s, 'older', 'Older', 'enterprise', true, true, now())",
            [uuid4()],
        )
    assert slugs(Tenant.objects.get(slug="older")) == ["marcel", "shante", "zac"]


def test_every_tenant_can_be_given_them_at_once(tenant: Tenant) -> None:
    others = [make_tenant(f"other-{number}") for number in range(3)]
    settle_all()
    settle_all()
    assert Settled.objects.count() == 4
    assert Personality.objects.count() == 12
    assert all(primary(one) == ["marcel"] for one in [tenant, *others])


def test_one_is_made_with_what_is_usual_and_a_slug_from_its_name(tenant: Tenant) -> None:
    made = make(tenant, "Émile & Zoé")
    assert (made.slug, made.version, made.active, made.primary) == ("emile-zoe", 1, True, False)
    assert make(tenant, "Émile & Zoé").slug == "emile-zoe-2"
    assert make(tenant, "🙂").slug == "personality"
    assert make(tenant, "import").slug == "import-2"
    assert make(tenant, "f" * 32).slug == f"{'f' * 32}-2"  # the first would be an id
    assert audited(tenant)[1] == ("personality.created", "owner", {})


def test_names_are_text_whatever_they_hold(tenant: Tenant) -> None:
    for name in ("<script>alert(1)</script>", "'; DROP TABLE x;--", "../../etc/passwd", "😄👩‍🚀"):
        made = make(tenant, name)
        assert find_personality(tenant.id, made.slug).name == name
        assert name in made.prompt().text


def test_a_slug_that_is_taken_is_refused(tenant: Tenant) -> None:
    with pytest.raises(SlugTakenError):
        make(tenant, slug="zac")
    with pytest.raises(SlugTakenError):
        edit(find_personality(tenant.id, "marcel"), slug="zac")
    assert make(make_tenant("other"), slug="ada").slug == make(tenant, slug="ada").slug


def test_traits_change_one_by_one(tenant: Tenant) -> None:
    marcel = find_personality(tenant.id, "marcel")
    before = marcel.read_traits()
    after = edit(marcel, traits={"empathy": 4}, response_style={"emoji": False})
    assert after.read_traits().empathy == 4
    assert after.read_traits().humour_level == before.humour_level
    assert after.read_style().opening_phrases
    assert audited(tenant)[-1][2] == {"changed": ["traits", "style"]}


def test_of_two_who_edit_the_same_version_the_second_is_told(tenant: Tenant) -> None:
    marcel = find_personality(tenant.id, "marcel")
    assert edit(marcel, expected=1, name="Marc").version == 2
    with pytest.raises(VersionChangedError):
        edit(marcel, expected=1, name="Marcello")
    assert find_personality(tenant.id, "marcel").name == "Marc"
    assert edit(marcel, expected=None, name="Marcello").version == 3


def test_the_mark_moves_and_both_have_changed(tenant: Tenant) -> None:
    before = find_personality(tenant.id, "marcel").version
    chosen = make_primary(find_personality(tenant.id, "zac"))
    assert primary(tenant) == ["zac"]
    assert chosen.version == 2
    assert find_personality(tenant.id, "marcel").version == before + 1
    assert make_primary(chosen).version == 2  # it was already


def test_the_database_refuses_a_second_primary(tenant: Tenant) -> None:
    zac = find_personality(tenant.id, "zac")
    with pytest.raises(IntegrityError, match="personality_primary"), transaction.atomic():
        Personality.objects.filter(id=zac.id).update(primary=True)


def test_the_database_refuses_a_primary_that_is_off(tenant: Tenant) -> None:
    marcel = find_personality(tenant.id, "marcel")
    with pytest.raises(IntegrityError, match="primary_active"), transaction.atomic():
        Personality.objects.filter(id=marcel.id).update(active=False)


def test_the_primary_switched_off_or_deleted_hands_its_mark_on(tenant: Tenant) -> None:
    edit(find_personality(tenant.id, "marcel"), active=False)
    assert primary(tenant) == ["shante"]
    heir = delete(find_personality(tenant.id, "shante"))
    assert heir is not None
    assert (heir.slug, primary(tenant)) == ("zac", ["zac"])
    assert audited(tenant)[-1][2] == {"primary_now": "zac"}
    assert delete(find_personality(tenant.id, "zac")) is None
    assert (slugs(tenant), primary(tenant)) == (["marcel"], [])


def test_one_that_is_off_cannot_be_primary(tenant: Tenant) -> None:
    off = edit(find_personality(tenant.id, "zac"), active=False)
    with pytest.raises(PersonalityInactiveError):
        make_primary(off)
    assert primary(tenant) == ["marcel"]


def test_a_tenant_has_no_more_than_it_may(tenant: Tenant, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(services, "MOST", 4)
    make(tenant)
    with pytest.raises(LimitReachedError):
        make(tenant)


def test_another_tenants_is_not_there(tenant: Tenant) -> None:
    marcel = find_personality(tenant.id, "marcel")
    stranger = make_tenant("stranger")
    with pytest.raises(PersonalityNotFoundError):
        find_personality(stranger.id, str(marcel.id))
    marcel.tenant_id = stranger.id
    for deed in (edit, delete, make_primary):
        with pytest.raises(PersonalityNotFoundError):
            deed(marcel)


def test_a_voice_is_a_stock_voice_or_ones_own(tenant: Tenant) -> None:
    own, stock = make_voice("own", tenant=tenant), make_voice("stock")
    theirs = make_voice("theirs", tenant=make_tenant("other"))
    assert make(tenant, voice="own").voice == own
    assert make(tenant, voice=str(stock.id), fallback={"voice": "own"}).fallback_voice == own
    for fields in ({"voice": "theirs"}, {"fallback": {"voice": str(theirs.id)}}):
        with pytest.raises(VoiceNotFoundError):
            make(tenant, **fields)


@pytest.mark.parametrize("column", ["voice", "fallback_voice"])
def test_the_database_refuses_another_tenants_voice(tenant: Tenant, column: str) -> None:
    theirs = make_voice("theirs", tenant=make_tenant("other"))
    rows = Personality.objects.filter(id=find_personality(tenant.id, "zac").id)
    with pytest.raises(IntegrityError, match="another tenant"), transaction.atomic():
        rows.update(**{column: theirs})
    assert rows.update(**{column: make_voice("stock")}) == 1


def test_a_voice_that_is_deleted_leaves_its_personality(tenant: Tenant) -> None:
    made = make(tenant, voice=make_voice("own", tenant=tenant).slug)
    Voice.objects.get(slug="own").delete()
    assert find_personality(tenant.id, str(made.id)).voice is None


def test_who_answers(tenant: Tenant) -> None:
    zac, shante = (find_personality(tenant.id, slug) for slug in ("zac", "shante"))
    assert which_personality(tenant.id).slug == "marcel"
    assert which_personality(tenant.id, of_conversation=str(zac.id)).slug == "zac"
    assert which_personality(tenant.id, "shante", str(zac.id)).slug == "shante"
    assert which_personality(tenant.id, of_conversation=str(uuid4())).slug == "marcel"
    assert which_personality(tenant.id, of_conversation="no id").slug == "marcel"
    edit(zac, active=False)
    assert which_personality(tenant.id, of_conversation=str(zac.id)).slug == "marcel"
    with pytest.raises(PersonalityInactiveError):
        which_personality(tenant.id, "zac")
    for nobody in ("nobody", "\0", "half \ud83d"):
        with pytest.raises(PersonalityNotFoundError):
            which_personality(tenant.id, nobody)
    make_primary(shante)
    assert which_personality(tenant.id).slug == "shante"


def test_without_a_primary_the_first_active_one_answers_and_without_any_marcel(
    tenant: Tenant,
) -> None:
    for slug in slugs(tenant):
        edit(find_personality(tenant.id, slug), active=False)
    assert primary(tenant) == []
    assert which_personality(tenant.id).slug == "marcel"
    edit(find_personality(tenant.id, "zac"), active=True)
    assert which_personality(tenant.id).slug == "zac"
    for slug in slugs(tenant):
        delete(find_personality(tenant.id, slug))
    marcel = which_personality(tenant.id)
    assert (marcel.slug, "Marcel" in marcel.prompt().text) == ("marcel", True)
    assert not Personality.objects.filter(id=marcel.id).exists()


def test_a_file_says_all_of_it_and_nothing_of_whose_it_was(tenant: Tenant) -> None:
    make_voice("own", tenant=tenant)
    marcel = edit(find_personality(tenant.id, "marcel"), voice="own")
    file = export_personality(marcel)
    told = str(file)
    assert not any(str(one) in told for one in (tenant.id, marcel.id, marcel.voice_id))
    assert tenant.name not in told
    other = make_tenant("other")
    imported = import_personality(
        tenant_id=other.id, actor=OWNER, fields=file["personality"], rename=True
    )
    assert imported.warnings == ("There is no voice 'own' here: `voice` is empty.",)
    assert imported.personality.slug == "marcel-2"
    assert imported.personality.prompt() == marcel.prompt()
    again = export_personality(imported.personality)["personality"]
    assert again == file["personality"] | {"slug": "marcel-2", "voice": None}


def test_a_double_has_the_very_same_voice_and_is_not_the_primary(tenant: Tenant) -> None:
    make_voice("tester")
    marcel = edit(find_personality(tenant.id, "marcel"), voice="tester")
    make_voice("tester", tenant=tenant)  # by its slug this one would be found
    double = duplicate_personality(personality=marcel, actor=OWNER)
    assert (double.slug, double.voice_id, double.primary) == ("marcel-2", marcel.voice_id, False)
    assert double.prompt() == marcel.prompt()
    assert audited(tenant)[-1][0] == "personality.duplicated"
