"""docs/people.md tells the roles as they are."""

from __future__ import annotations

import re
from pathlib import Path

from tenants.roles import Right, Role, may

PAGE = Path(__file__).resolve().parents[2] / "docs" / "people.md"
ROW = re.compile(r"^\| `(\w+)` \| [^|]+ \| (yes|no) \| (yes|no) \| (yes|no) \|$", re.MULTILINE)


def test_the_table_of_roles_is_the_rule() -> None:
    told = {found[0]: found[1:] for found in ROW.findall(PAGE.read_text(encoding="utf-8"))}
    assert told == {
        right.value: tuple("yes" if may(role, right) else "no" for role in Role) for right in Right
    }
