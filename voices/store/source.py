"""What is put: bytes or a file, read the same way."""

from __future__ import annotations

import io
import os
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextmanager
def opened(data: bytes | Path) -> Iterator[tuple[BinaryIO, int]]:
    """The source as a stream, with its size."""
    if isinstance(data, Path):
        with data.open("rb") as file:
            yield file, os.fstat(file.fileno()).st_size
    else:
        yield io.BytesIO(data), len(data)
