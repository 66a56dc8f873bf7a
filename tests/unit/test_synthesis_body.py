"""Bodies of synthesis requests: what is taken, and what is refused."""

from __future__ import annotations

import math
from typing import Any

import pytest
from rest_framework.exceptions import ValidationError

from jobs.states import Priority
from voices.api.asking import BulkBody, read_synthesis
from voices.requests import body_hash

FIELDS: dict[str, Any] = {
    "text": "Hello.",
    "voice": "ember",
    "format": "opus",
    "sample_rate": 24_000,
    "language": "en-GB",
    "quality": "high",
    "engine": "piper",
    "substitute": "flag",
    "settings": {"speed": 1.25},
    "seed": 7,
    "cache": "bypass",
    "priority": "interactive",
    "deadline_seconds": 30,
    "personality_id": "p1",
    "webhook_url": "https://example.com/in",
}


def test_every_field_reaches_the_request() -> None:
    read = read_synthesis(FIELDS)
    assert {name: getattr(read, name) for name in FIELDS} == FIELDS | {
        "priority": Priority.INTERACTIVE
    }


def test_a_text_is_enough_and_stays_as_it_is() -> None:
    read = read_synthesis({"text": "  Hello \n"})
    assert (read.text, read.voice, read.format, read.cache) == ("  Hello \n", "", "wav", "use")
    assert (read.seed, read.settings, read.priority) == (None, {}, Priority.STANDARD)


REFUSED: list[tuple[str, Any]] = [
    ("speed", 1.0),
    ("text", None),
    ("text", 5),
    ("text", ["a"]),
    ("voice", ""),
    ("voice", "x" * 61),
    ("voice", "a\x00"),
    ("voice", "\ud800"),
    ("voice", True),
    ("format", "aac"),
    ("format", ["wav"]),
    ("format", None),
    ("sample_rate", 11_025),
    ("sample_rate", True),
    ("sample_rate", math.inf),
    ("language", "english please"),
    ("language", "e"),
    ("quality", "best"),
    ("engine", "Piper!"),
    ("substitute", "yes"),
    ("settings", [1]),
    ("settings", {"speed": math.nan}),
    ("settings", {"speed": math.inf}),
    ("settings", {"speed": -math.inf}),
    ("settings", {"speed": True}),
    ("settings", {"speed": "1"}),
    ("settings", {"speed": None}),
    ("settings", {"speed": 10**400}),
    ("settings", {"speed": [1.0]}),
    ("seed", -1),
    ("seed", 2**31),
    ("seed", 10**400),
    ("seed", math.inf),
    ("seed", 1.5),
    ("seed", True),
    ("cache", "no"),
    ("priority", "high"),
    ("deadline_seconds", 0),
    ("deadline_seconds", True),
    ("deadline_seconds", "soon"),
    ("deadline_seconds", math.inf),
    ("deadline_seconds", math.nan),
    ("deadline_seconds", 10**400),
    ("deadline_seconds", 8 * 86_400),
    ("personality_id", "x" * 61),
]


@pytest.mark.parametrize(("name", "value"), REFUSED)
def test_a_field_that_is_not_as_it_should_be_is_named(name: str, value: Any) -> None:
    with pytest.raises(ValidationError) as refused:
        read_synthesis({"text": "Hello.", name: value})
    assert isinstance(refused.value.detail, dict)
    assert set(refused.value.detail) == {name}


@pytest.mark.parametrize("data", [None, [], "text", 5, [{"text": "a"}]])
def test_what_is_not_an_object_is_refused(data: Any) -> None:
    with pytest.raises(ValidationError):
        read_synthesis(data)


def test_a_bulk_body_takes_items_of_any_shape_and_leaves_them_to_be_checked_alone() -> None:
    items = [{"text": "a"}, 5, None, []]
    body = BulkBody(data={"items": items})
    assert body.is_valid()
    assert body.validated_data["items"] == items


@pytest.mark.parametrize(
    "data", [{}, {"items": []}, {"items": {}}, {"items": [{}] * 1001}, {"items": [{}], "x": 1}]
)
def test_a_bulk_body_has_one_to_a_thousand_items_and_nothing_else(data: Any) -> None:
    assert not BulkBody(data=data).is_valid()


def test_a_body_is_the_same_body_however_it_is_ordered() -> None:
    assert body_hash({"a": 1, "b": 2}) == body_hash({"b": 2, "a": 1})
    assert body_hash({"a": 1}) != body_hash({"a": "1"})
