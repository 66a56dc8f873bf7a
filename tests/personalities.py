"""Any valid personality, for tests that hold for all of them."""

from __future__ import annotations

from hypothesis import strategies as st

from personalities.prompt import Portrait
from personalities.traits import (
    CHOICES,
    HIGHEST,
    LEVELS,
    OLDEST,
    PHRASES,
    YOUNGEST,
    ResponseStyle,
    Traits,
    is_line,
    is_prose,
)

PIECES = [
    "<b>",
    "'; DROP TABLE x;--",
    "../../etc",
    "😄",
    "None",
    "{name}",
    "%s",
    '"',
    "\u202e",
    "é",
]


def lines(longest: int) -> st.SearchStrategy[str]:
    pieces = st.lists(st.sampled_from(PIECES), min_size=1, max_size=4).map("".join)
    return (st.text(min_size=1, max_size=longest) | pieces).map(str.strip).filter(is_line)


TRAITS = st.builds(
    Traits,
    age=st.none() | st.integers(YOUNGEST, OLDEST),
    **{name: st.sampled_from(list(choices)) for name, choices in CHOICES.items()},
    **{name: st.integers(0, HIGHEST) for name in LEVELS},
)
STYLES = st.builds(
    ResponseStyle,
    emoji=st.booleans(),
    **{name: st.lists(lines(60), max_size=3).map(tuple) for name in PHRASES},
)
PORTRAITS = st.builds(
    Portrait,
    name=lines(40),
    role=st.just("") | lines(40),
    greeting=st.just("") | lines(80),
    traits=TRAITS,
    style=STYLES,
    system_prompt=st.sampled_from(["", "  Two\nlines. \n"])
    | st.text(max_size=200).filter(is_prose),
)
