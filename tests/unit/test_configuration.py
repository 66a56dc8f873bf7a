"""docs/configuration.md and .env.example name every setting that is read, and no other, with its
true default."""

from __future__ import annotations

import ast
import re
from pathlib import Path
from typing import NamedTuple

from tests.deployment import example, variables

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "configuration.md"
ROW = re.compile(r"^\| `([A-Z][A-Z0-9_]+)` \| (.+?) \|", re.MULTILINE)
READERS = {"text", "number", "integer", "flag", "names"}


class Setting(NamedTuple):
    name: str
    default: object  # None where there is none, or it is computed


def settings_read() -> list[Setting]:
    """Every call of a reader of config.environment, wherever in config/ it stands."""
    files = sorted((ROOT / "config").glob("*.py"))
    calls = [
        node
        for file in files
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call) and is_reader(node.func)
    ]
    return [Setting(constant(call.args[0]), default_of(call)) for call in calls]


def is_reader(function: ast.expr) -> bool:
    return (
        isinstance(function, ast.Attribute)
        and function.attr in READERS
        and isinstance(function.value, ast.Name)
        and function.value.id in {"env", "environment"}
    )


def constant(node: ast.expr) -> str:
    assert isinstance(node, ast.Constant), f"line {node.lineno}: a setting's name is a literal"
    return str(node.value)


def default_of(call: ast.Call) -> object:
    try:
        return ast.literal_eval(call.args[1])
    except (IndexError, ValueError):
        return None


def documented() -> dict[str, str]:
    """Settings by name with the cell of their default; the variables of make stand further down."""
    page = PAGE.read_text(encoding="utf-8").partition("## The commands of make")[0]
    return dict(ROW.findall(page))


def test_every_setting_that_is_read_is_documented_and_no_other() -> None:
    read = {setting.name for setting in settings_read()}
    assert len(read) > 30
    assert read == set(documented())


def test_documented_defaults_are_those_of_the_code() -> None:
    pages = documented()
    for name, default in settings_read():
        if default not in (None, ""):
            assert pages[name].strip("`") == str(default), name


def test_the_example_names_every_setting_and_what_compose_takes_and_no_other() -> None:
    read = {setting.name for setting in settings_read()}
    assert set(example()) == read | set(variables())


def test_defaults_in_the_example_are_those_of_the_code_and_of_compose() -> None:
    told = example()
    for name, default in settings_read():
        if default not in (None, ""):
            assert told[name] == str(default), name
    for name, (how, default) in variables().items():
        if how == "-" and name not in documented():
            assert told[name] == default, name


def test_the_page_on_deployment_names_what_compose_takes_beside_settings() -> None:
    page = (ROOT / "docs" / "deployment.md").read_text(encoding="utf-8")
    for name in set(variables()) - set(documented()):
        assert f"`{name}`" in page, name
