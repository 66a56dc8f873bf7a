"""The personalities every tenant begins with, as data (personalities.json)."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from personalities.prompt import Portrait
from personalities.traits import ResponseStyle, Traits

if TYPE_CHECKING:
    from collections.abc import Mapping

FILE = Path(__file__).with_name("personalities.json")


@dataclass(frozen=True, slots=True)
class DefaultPersonality:
    """One of them; `voice` and `fallback` are slugs of stock voices. The first is the primary."""

    slug: str
    description: str
    portrait: Portrait
    voice: str
    fallback: str


@cache
def default_personalities() -> tuple[DefaultPersonality, ...]:
    entries = json.loads(FILE.read_text(encoding="utf-8"))["personalities"]
    return tuple(_read(entry) for entry in entries)


def _read(entry: Mapping[str, Any]) -> DefaultPersonality:
    words = {name: entry[name] for name in ("name", "role", "greeting", "system_prompt")}
    portrait = Portrait(
        **words,
        traits=Traits(**entry["traits"]),
        style=ResponseStyle(**entry["response_style"]),
    )
    named = {name: entry[name] for name in ("slug", "description", "voice", "fallback")}
    return DefaultPersonality(portrait=portrait, **named)
