"""What deploy/, compose.yaml and .env.example say, read for the tests of them."""

from __future__ import annotations

import json
import re
import shlex
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parent.parent
DOCKERFILE = ROOT / "deploy" / "Dockerfile"
COMPOSE = ROOT / "compose.yaml"
EXAMPLE = ROOT / ".env.example"
KUBERNETES = ROOT / "deploy" / "kubernetes"
CARDS = {"gpu-xtts", "gpu-styletts2", "gpu-train"}
OURS = {"api", "cpu", "media", "flower", "object-store", *CARDS}
VARIABLE = re.compile(r"\$\$|\$\{([A-Z0-9_]+)(?::([-?])([^}]*))?\}")
ASSIGNMENT = re.compile(r"^(#?)([A-Z][A-Z0-9_]*)=(.*)$", re.MULTILINE)


@dataclass
class Image:
    """One stage of the Dockerfile, with what it has from the stages below it."""

    command: list[str] = field(default_factory=list)
    environment: dict[str, str] = field(default_factory=dict)
    health: str = ""
    user: str = ""
    requirements: list[str] = field(default_factory=list)
    lines: list[str] = field(default_factory=list)


@cache
def images() -> dict[str, Image]:
    """Every stage by its name."""
    text = DOCKERFILE.read_text(encoding="utf-8")
    plain = re.sub(r"^#.*\n", "", text, flags=re.MULTILINE).replace("\\\n", " ")
    found: dict[str, Image] = {}
    for line in filter(None, map(str.strip, plain.splitlines())):
        word, _, rest = line.partition(" ")
        if word == "FROM":
            base, _, name = rest.partition(" AS ")
            below = found.get(base, Image())
            stage = found[name] = Image(
                list(below.command), dict(below.environment), below.health, below.user
            )
        elif found:
            stage.lines.append(line)
            _take(stage, word, rest, found)
    return found


def _take(stage: Image, word: str, rest: str, found: dict[str, Image]) -> None:
    if word == "CMD":
        stage.command = json.loads(rest)
    elif word == "ENV":
        stage.environment |= dict(pair.split("=", 1) for pair in shlex.split(rest))
    elif word == "HEALTHCHECK":
        stage.health = rest.partition("CMD ")[2].strip()
    elif word == "USER":
        stage.user = rest
    elif word == "RUN":
        stage.requirements += re.findall(r"-r (\S+)", rest)
    elif word == "COPY" and (source := re.match(r"--from=(\S+)", rest)):
        stage.requirements += found[source[1]].requirements


@cache
def compose() -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load(COMPOSE.read_text(encoding="utf-8"))
    return loaded


def services() -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = compose()["services"]
    return found


def variables() -> dict[str, tuple[str, str]]:
    """What compose.yaml takes from .env: name -> ("-", default) or ("?", what to do)."""
    found: dict[str, tuple[str, str]] = {}
    for name, how, rest in VARIABLE.findall(COMPOSE.read_text(encoding="utf-8")):
        if name:
            assert found.setdefault(name, (how, rest)) == (how, rest), f"{name}: two ways"
    return found


def filled(text: str, values: dict[str, str]) -> str:
    """As compose fills it in."""

    def value(found: re.Match[str]) -> str:
        if found[0] == "$$":
            return "$"
        default = found[3] if found[2] == "-" else ""
        return values.get(found[1]) or default

    return VARIABLE.sub(value, text)


def image_of(service: dict[str, Any]) -> Image:
    """The image that this repository builds for the service; an empty one where it builds none."""
    return images()[service["build"]["target"]] if "build" in service else Image()


def command_of(service: dict[str, Any], values: dict[str, str] | None = None) -> list[str]:
    """What the container runs: the service's own command, else the image's."""
    given = service.get("command") or image_of(service).command
    if isinstance(given, str):
        return shlex.split(filled(given, values or {}))
    return [filled(str(word), values or {}) for word in given]


def environment_of(service: dict[str, Any], values: dict[str, str] | None = None) -> dict[str, str]:
    own = service.get("environment", {})
    given = {name: filled(str(value), values or {}) for name, value in own.items()}
    return image_of(service).environment | given


def example() -> dict[str, str]:
    """Each name of .env.example with what stands behind it, commented out or not."""
    found = ASSIGNMENT.findall(EXAMPLE.read_text(encoding="utf-8"))
    return {name: value for _, name, value in found}


def to_fill_in() -> set[str]:
    """The names of .env.example that are no comments: whoever copies it has to fill them in."""
    found = ASSIGNMENT.findall(EXAMPLE.read_text(encoding="utf-8"))
    return {name for mark, name, _ in found if not mark}
