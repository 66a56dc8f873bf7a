"""The models of engines as data: what an operator installs is what the engines go by."""

from __future__ import annotations

import json
import re

from tests.deployment import ROOT
from voices.catalogue import EngineModel, engine_models

ENGINES = ROOT / "gpu_worker" / "engines"


def model(name: str) -> EngineModel:
    return next(one for one in engine_models() if one.name == name)


def published(engine: str) -> dict[str, str]:
    read: dict[str, str] = json.loads((ENGINES / engine / "published.json").read_text())
    return read


def test_xtts_is_the_published_one() -> None:
    hashes = published("xtts")
    for file in model("xtts_v2").files:
        assert file.sha256 == hashes[file.name], file.name


def test_styletts2_is_what_the_converter_knows() -> None:
    for file in model("styletts2").files:
        assert published("styletts2")[file.sha256].endswith(file.path)


def test_the_document_names_the_files_that_are_fetched() -> None:
    text = (ROOT / "docs" / "models.md").read_text(encoding="utf-8")
    told = re.findall(r"\| `(\S+)` \| ([\d,]+) \| `([0-9a-f]{64})` \|", text)
    files = [file for one in engine_models() for file in one.files]
    assert told == [(file.name, f"{file.size:,}", file.sha256) for file in files]


def test_every_model_lies_at_a_fixed_revision_and_says_its_licence() -> None:
    for one in engine_models():
        assert "/resolve/" in one.address
        assert len(one.address.rpartition("/")[2]) == 40, "a branch may move"
        assert one.licence.isalnum()
        assert one.terms
        assert one.text.startswith("https://")
