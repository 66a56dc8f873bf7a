"""docs/reliability.md as text: its head, its parts, and what of an older page is kept."""

from __future__ import annotations

import re
import textwrap
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

WIDTH = 100
HEAD = """\
# Reliability

What was promised, broken on purpose and counted. `make report` writes this page; nobody else does.

```
make report                        # all of it
make report ARGS="--only rolling"  # one part: chaos rolling webhooks latency; the others stay
```

Each part says when, at which commit and on which machine it ran. Everything that is broken here
runs for real: PostgreSQL, Redis, the API, dispatchers and workers as `make run` starts them, under
its supervisor, with clients that talk to the public port. Counts are taken from outside: from what
clients were promised, from what engines and receivers wrote down themselves, and from the rows of
the ledger. What each fault is and how harm is told is in `tests/chaos`.
"""


def compose(fresh: Mapping[str, str], old: str, order: Sequence[str]) -> str:
    """The parts in their order: the fresh one, or where there is none the old page's."""
    parts = sections(old) | dict(fresh)
    return "\n".join([HEAD, *(f"## {name}\n\n{parts[name]}" for name in order if name in parts)])


def sections(page: str) -> dict[str, str]:
    """What stands under each heading of the second level."""
    pieces = re.split(r"^## (.+)\n", page, flags=re.MULTILINE)
    return {
        name: text.strip() + "\n" for name, text in zip(pieces[1::2], pieces[2::2], strict=True)
    }


def paragraphs(*texts: str) -> str:
    """Each wrapped, code in backticks unbroken where it fits."""
    return "\n".join(
        textwrap.fill(text, WIDTH, break_long_words=False, break_on_hyphens=False) + "\n"
        for text in texts
    )


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Numbers to the right: every column but the first."""
    rule = ["---", *["---:"] * (len(head) - 1)]
    return "\n".join("| " + " | ".join(row) + " |" for row in [head, rule, *rows]) + "\n"


def counted(rows: Sequence[tuple[str, object, object]]) -> str:
    """What was counted, how often, and how often it may be; a missed goal is said."""
    return table(
        ["counted", "found", "goal"],
        [[name, told(found), _goal(found, goal)] for name, found, goal in rows],
    )


def told(value: object) -> str:
    if isinstance(value, float):
        return f"{value:,.0f}" if value >= 1000 else f"{value:,.1f}"
    return f"{value:,}" if isinstance(value, int) else str(value)


def _goal(found: object, goal: object) -> str:
    if goal is None:
        return ""
    return told(goal) if found == goal else f"{told(goal)}, **missed**"
