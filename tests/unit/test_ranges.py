"""Range headers: the part of a file they ask for."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voices.api.serving import Part, parse_range

SIZE = 1000


@pytest.mark.parametrize(
    ("header", "part"),
    [
        ("bytes=0-0", Part(0, 1)),
        ("bytes=0-499", Part(0, 500)),
        ("bytes=500-", Part(500, 500)),
        ("bytes=500-99999", Part(500, 500)),
        ("bytes=999-999", Part(999, 1)),
        ("bytes=-1", Part(999, 1)),
        ("bytes=-99999", Part(0, 1000)),
        ("bytes=1000-", None),
        ("bytes=1000-1001", None),
        ("bytes=-0", None),
    ],
)
def test_one_range_is_a_part_or_lies_past_the_end(header: str, part: Part | None) -> None:
    assert parse_range(header, SIZE) == part


@pytest.mark.parametrize(
    "header",
    ["", "bytes=-", "bytes=0-1,5-6", "items=0-1", "bytes=a-b", "bytes= 0-1", "bytes=0-1x", "٣"],
)
def test_what_is_not_understood_is_the_whole_file(header: str) -> None:
    assert parse_range(header, SIZE) == Part(0, SIZE)


@given(
    st.one_of(st.none(), st.integers(0, 10**17)),
    st.one_of(st.none(), st.integers(0, 10**17)),
    st.integers(1, 10**12),
)
def test_a_part_always_lies_inside_the_file(first: int | None, last: int | None, size: int) -> None:
    header = f"bytes={'' if first is None else first}-{'' if last is None else last}"
    part = parse_range(header, size)
    if part is not None:
        assert part.start >= 0
        assert part.length >= 1
        assert part.start + part.length <= size
