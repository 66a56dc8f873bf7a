"""The hash of a model's file is that of what lies there now."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import pytest

from gpu_worker.engines.file_hash import sha256_of
from synthesis_worker.contract import ModelDamaged

if TYPE_CHECKING:
    from pathlib import Path


def test_a_file_that_is_replaced_by_one_of_its_size_has_another_hash(tmp_path: Path) -> None:
    file = tmp_path / "file"
    for data in (b"one", b"two"):
        (tmp_path / "part").write_bytes(data)
        (tmp_path / "part").replace(file)
        assert sha256_of(file) == hashlib.sha256(data).hexdigest()


@pytest.mark.parametrize("name", [".", "nowhere"])
def test_a_file_that_cannot_be_read_is_damaged(tmp_path: Path, name: str) -> None:
    with pytest.raises(ModelDamaged, match="cannot be read") as refused:
        sha256_of(tmp_path / name)
    assert refused.value.code == "model_damaged"
