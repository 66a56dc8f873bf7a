"""The router: which engine speaks, in which order, and why another does not."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from voices.routing import Bound, Offered, Wish, find_route

SPEED = {"speed": {"low": 0.5, "high": 2.0, "default": 1.0}}


def offered(engine: str, *, asleep: bool = False, **changed: Any) -> Offered:
    capabilities = {
        "languages": ["en", "de"],
        "max_characters": 100,
        "commercial": True,
        "dials": SPEED,
        "variants": ["f3"],
        "models": [{"id": "m", "digest": f"{engine}-digest"}],
        "real_time_factor": 0.5,
    }
    return Offered(engine, f"queue-of-{engine}", capabilities | changed, asleep=asleep)


def wish(**changed: Any) -> Wish:
    return replace(Wish(language="en-GB", characters=30), **changed)


REFUSALS = [
    ("engine_unknown", [], {}),
    ("voice_not_installed", [offered("piper", models=[])], {}),
    ("language_unsupported", [offered("piper")], {"language": "fr-FR"}),
    ("text_too_long", [offered("piper")], {"characters": 101}),
    ("licence_forbids", [offered("piper", commercial=False)], {}),
    ("setting_unsupported", [offered("piper")], {"dials": {"warmth": 0.5}}),
    ("setting_out_of_range", [offered("piper")], {"dials": {"speed": 2.01}}),
    ("setting_out_of_range", [offered("piper")], {"dials": {"speed": 0.49}}),
    ("not_asked_for", [offered("piper")], {"engine": "xtts_v2"}),
]
ALLOWED: list[tuple[list[Offered], dict[str, Any]]] = [
    ([offered("piper")], {}),
    ([offered("piper")], {"language": "EN_us"}),
    ([offered("piper")], {"characters": 100}),
    ([offered("piper", commercial=False)], {"commercial": False}),
    ([offered("piper")], {"dials": {"speed": 2.0}}),
    ([offered("piper")], {"dials": {"speed": 0.5}}),
    ([offered("piper")], {"defaults": {"warmth": 9.0}}),
    ([offered("piper")], {"engine": "piper"}),
    ([offered("piper", asleep=True)], {}),
]


@pytest.mark.parametrize(("code", "offers", "asked"), REFUSALS)
def test_what_an_engine_cannot_do_keeps_it_out_with_the_reason(
    code: str, offers: list[Offered], asked: dict[str, Any]
) -> None:
    route = find_route([Bound("piper", "m")], offers, wish(**asked))
    assert not route.ways
    assert [(refusal.engine, refusal.code) for refusal in route.refusals] == [("piper", code)]
    assert route.refusals[0].message


@pytest.mark.parametrize(("offers", "asked"), ALLOWED)
def test_what_an_engine_can_do_lets_it_in(offers: list[Offered], asked: dict[str, Any]) -> None:
    route = find_route([Bound("piper", "m")], offers, wish(**asked))
    assert [way.engine for way in route.ways] == ["piper"]
    assert not route.refusals


@pytest.mark.parametrize(
    ("quality", "order"),
    [
        ("highest", ["styletts2", "xtts_v2", "google", "piper", "espeak"]),
        ("high", ["xtts_v2", "styletts2", "google", "piper", "espeak"]),
        ("medium", ["piper", "xtts_v2", "google", "espeak", "styletts2"]),
        ("fast", ["piper", "google", "espeak", "styletts2", "xtts_v2"]),
    ],
)
def test_quality_orders_the_engines(quality: str, order: list[str]) -> None:
    engines = ["espeak", "google", "piper", "styletts2", "xtts_v2"]
    route = find_route(
        [Bound(engine, "m") for engine in engines],
        [offered(engine) for engine in engines],
        wish(quality=quality),
    )
    assert [way.engine for way in route.ways] == order


def test_an_awake_engine_goes_before_a_better_one_that_sleeps() -> None:
    route = find_route(
        [Bound("piper", "m"), Bound("espeak", "m")],
        [offered("piper", asleep=True), offered("espeak")],
        wish(),
    )
    assert [(way.engine, way.asleep) for way in route.ways] == [("espeak", False), ("piper", True)]


def test_a_stand_in_is_refused_unless_it_was_asked_for() -> None:
    bound = [Bound("piper", "m", substitute=True), Bound("espeak", "m")]
    offers = [offered("piper"), offered("espeak")]
    refused = find_route(bound, offers, wish())
    assert [way.engine for way in refused.ways] == ["espeak"]
    assert [refusal.code for refusal in refused.refusals] == ["substitute_refused"]


def test_a_stand_in_comes_last_even_where_it_sounds_better() -> None:
    bound = [Bound("piper", "m", substitute=True), Bound("espeak", "m")]
    offers = [offered("piper"), offered("espeak", asleep=True)]
    route = find_route(bound, offers, wish(substitutes=True))
    assert [(way.engine, way.substitute) for way in route.ways] == [
        ("espeak", False),
        ("piper", True),
    ]


def test_a_way_says_where_with_what_and_at_which_cost() -> None:
    bound = Bound("piper", "m", speaker=3)
    asked = wish(dials={"speed": 1.5}, defaults={"speed": 0.7, "warmth": 1.0})
    [way] = find_route([bound], [offered("piper")], asked).ways
    assert (way.queue, way.model, way.digest, way.speaker) == (
        "queue-of-piper",
        "m",
        "piper-digest",
        3,
    )
    assert way.dials == {"speed": 1.5}
    assert way.cost == pytest.approx(30 / 15 * 0.5)


def test_a_default_the_engine_knows_is_kept() -> None:
    [way] = find_route(
        [Bound("piper", "m")], [offered("piper")], wish(defaults={"speed": 0.7})
    ).ways
    assert way.dials == {"speed": 0.7}


@pytest.mark.parametrize(
    ("name", "known"), [("m", True), ("m+f3", True), ("m+f9", False), ("n", False), ("n+f3", False)]
)
def test_a_variant_of_a_known_model_is_known(name: str, known: bool) -> None:
    found = offered("espeak").model(name)
    assert (found is not None) == known


def test_of_an_engine_on_two_queues_the_one_that_is_awake_is_taken() -> None:
    awake = offered("piper")
    asleep = replace(offered("piper", asleep=True), queue="zzz")
    for offers in ([awake, asleep], [asleep, awake]):
        [way] = find_route([Bound("piper", "m")], offers, wish()).ways
        assert (way.queue, way.asleep) == (awake.queue, False)


TRAINED = Bound("piper", "trained", artifact="a1b2", language="fr-FR")


@pytest.mark.parametrize("spoken", [["en", "de"], ["fr"], []])
@pytest.mark.parametrize("asked", ["fr-FR", "fr", "FR_ca"])
def test_what_was_trained_needs_no_model_and_no_language_of_the_engines(
    spoken: list[str], asked: str
) -> None:
    offer = offered("piper", trained=True, models=[], languages=spoken)
    [way] = find_route([TRAINED], [offer], wish(language=asked)).ways
    assert (way.model, way.artifact, way.digest) == ("trained", "a1b2", "+a1b2")


def test_what_was_trained_is_refused_in_another_language_than_its_own() -> None:
    route = find_route([TRAINED], [offered("piper", trained=True)], wish(language="en-GB"))
    [refusal] = route.refusals
    assert (refusal.code, route.ways) == ("language_unsupported", [])
    assert refusal.message == "The voice was trained in fr-FR, not in en-GB."


@pytest.mark.parametrize(
    ("code", "changed", "asked"),
    [
        ("text_too_long", {}, {"characters": 101}),
        ("licence_forbids", {"commercial": False}, {}),
        ("setting_unsupported", {}, {"dials": {"warmth": 0.5}}),
    ],
)
def test_all_else_is_asked_of_what_was_trained_too(
    code: str, changed: dict[str, Any], asked: dict[str, Any]
) -> None:
    offer = offered("piper", trained=True, **changed)
    route = find_route([TRAINED], [offer], wish(language="fr", **asked))
    assert [refusal.code for refusal in route.refusals] == [code]


def test_an_engine_that_speaks_nothing_trained_needs_its_model_still() -> None:
    for abilities in ({}, {"trained": False}, {"clones": True}):
        [refusal] = find_route([TRAINED], [offered("piper", **abilities)], wish()).refusals
        assert refusal.code == "voice_not_installed"
    bound = replace(TRAINED, model="m")
    [refusal] = find_route([bound], [offered("piper")], wish()).refusals
    assert refusal.code == "cloning_unsupported"


def test_an_engine_that_speaks_what_was_trained_speaks_nothing_else_for_it() -> None:
    bound = replace(TRAINED, artifact="")
    [refusal] = find_route([bound], [offered("piper", trained=True)], wish()).refusals
    assert refusal.code == "voice_not_installed"


def test_the_digest_of_what_was_trained_names_no_model_that_happens_to_be_installed() -> None:
    models = [{"id": "trained", "digest": "of another"}]
    [way] = find_route(
        [TRAINED], [offered("piper", trained=True, models=models)], wish(language="fr")
    ).ways
    assert way.digest == "+a1b2"


def test_the_digest_of_a_clone_names_its_model_and_its_language_is_the_engines() -> None:
    bound = Bound("xtts_v2", "m", artifact="c3", language="fr")
    [way] = find_route([bound], [offered("xtts_v2", clones=True)], wish()).ways
    assert way.digest == "xtts_v2-digest+c3"
