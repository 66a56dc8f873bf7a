"""What the installer decides before it runs anything."""

from pathlib import Path

import pytest

from fleet.install import (
    ROOT,
    InstallError,
    alone_files,
    fingerprint,
    is_current,
    parse_pip_config,
    pip_variables,
    platform_remarks,
    requirement_files,
    uv_environment,
)

REQUIREMENTS = ROOT / "requirements"

LISTING = """\
:env:.cert='/of/the/environment.pem'
global.cert='/global.pem'
global.extra-index-url='https://one.example/simple\\nhttps://two.example/simple'
global.find-links='/wheels /more'
global.index-url='https://global.example/simple'
install.index-url='https://install.example/simple'
freeze.timeout='10'
"""


def test_what_pip_was_told_for_install_wins_over_what_it_was_told_in_general() -> None:
    settings = parse_pip_config(LISTING)
    assert settings["cert"] == "/global.pem"
    assert settings["index-url"] == "https://install.example/simple"


def test_pips_variables_are_read_as_its_options() -> None:
    told = pip_variables({"PIP_EXTRA_INDEX_URL": "https://a", "HOME": "/home/me"})
    assert told == {"extra-index-url": "https://a"}


def test_sections_of_other_pip_commands_are_left_out() -> None:
    assert "timeout" not in parse_pip_config(LISTING)


def test_what_is_no_setting_is_skipped() -> None:
    assert parse_pip_config("WARNING: something\n\n") == {}


def test_uv_is_told_in_its_own_words() -> None:
    told = uv_environment(parse_pip_config(LISTING), {"HOME": "/home/me"})
    assert told["HOME"] == "/home/me"
    assert told["UV_DEFAULT_INDEX"] == "https://install.example/simple"
    assert "UV_INDEX" not in told  # whose first file would win over a better one elsewhere
    assert told["UV_FIND_LINKS"] == "/wheels,/more"
    assert told["SSL_CERT_FILE"] == "/global.pem"


def test_what_was_set_for_uv_stays() -> None:
    told = uv_environment({"index-url": "https://pip.example"}, {"UV_DEFAULT_INDEX": "https://uv"})
    assert told["UV_DEFAULT_INDEX"] == "https://uv"


def write_sets(folder: Path) -> Path:
    (folder / "base.txt").write_text("one==1\n")
    (folder / "api.txt").write_text("# API\n-r base.txt\ntwo==2\n")
    (folder / "all.txt").write_text("-r api.txt\n-r base.txt\n")
    return folder / "all.txt"


def test_included_files_are_found_once_each(tmp_path: Path) -> None:
    found = requirement_files(write_sets(tmp_path))
    assert [path.name for path in found] == ["all.txt", "api.txt", "base.txt"]


def test_a_change_in_an_included_file_is_noticed(tmp_path: Path) -> None:
    wanted = write_sets(tmp_path)
    before = fingerprint(wanted)
    assert fingerprint(wanted) == before
    (tmp_path / "base.txt").write_text("one==1.1\n")
    assert fingerprint(wanted) != before


def test_what_comes_alone_is_found_beside_any_file_of_the_set(tmp_path: Path) -> None:
    wanted = write_sets(tmp_path)
    assert alone_files(wanted) == []
    before = fingerprint(wanted)
    (tmp_path / "api.alone.txt").write_text("three==3\n")
    (tmp_path / "other.alone.txt").write_text("four==4\n")
    assert [path.name for path in alone_files(wanted)] == ["api.alone.txt"]
    assert alone_files(tmp_path / "base.txt") == []
    assert fingerprint(wanted) != before


def test_only_the_sets_of_cards_and_tests_hold_torch() -> None:
    """`make run` and the other images stay small."""
    sets = {path for path in REQUIREMENTS.glob("*.txt") if not path.stem.endswith(".alone")}
    heavy = {path.stem for path in sets if "torch==" in text_of(path)}
    assert heavy == {"gpu-styletts2", "gpu-xtts", "gpu-train", "test"}
    for name in ("gpu-styletts2", "test"):
        assert [path.stem for path in alone_files(REQUIREMENTS / f"{name}.txt")] == [
            "gpu-styletts2.alone"
        ]


def text_of(requirements: Path) -> str:
    return "".join(path.read_text(encoding="utf-8") for path in requirement_files(requirements))


def test_an_environment_is_current_only_with_its_python_and_the_same_stamp(tmp_path: Path) -> None:
    stamp = tmp_path / ".installed-api"
    assert not is_current(stamp, "abc")
    stamp.write_text("abc")
    assert not is_current(stamp, "abc")
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "python").touch()
    assert is_current(stamp, "abc")
    assert not is_current(stamp, "abd")


def test_nothing_is_said_where_it_was_tested() -> None:
    assert platform_remarks((3, 11), "Linux", "x86_64") == []


@pytest.mark.parametrize(
    ("python", "system", "machine", "word"),
    [
        ((3, 12), "Linux", "x86_64", "Python 3.12 is untried"),
        ((3, 11), "Darwin", "arm64", "Darwin arm64 is untried"),
        ((3, 11), "Linux", "aarch64", "Linux aarch64 is untried"),
    ],
)
def test_what_is_untried_is_named(
    python: tuple[int, int], system: str, machine: str, word: str
) -> None:
    assert word in platform_remarks(python, system, machine)[0]


def test_an_older_python_is_refused_with_the_way_out() -> None:
    with pytest.raises(InstallError, match=r"PYTHON=python3\.11"):
        platform_remarks((3, 10), "Linux", "x86_64")
