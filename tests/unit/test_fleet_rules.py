"""The fleet's pure rules: back-off, reading /proc, what a person is shown."""

from pathlib import Path

import pytest

from fleet.client import problem
from fleet.errors import FleetError
from fleet.places import LONGEST_SOCKET, SOCKET_NAME, socket_folder
from fleet.processes import parse_stat
from fleet.say import asked, percent
from fleet.services import Postgres, Redis
from fleet.supervisor import next_pause


def test_pauses_double_from_a_fifth_of_a_second_to_ten() -> None:
    pauses = [0.1]
    for _ in range(8):
        pauses.append(next_pause(pauses[-1], alive=0.5))
    assert pauses[1:] == [0.2, 0.4, 0.8, 1.6, 3.2, 6.4, 10.0, 10.0]


def test_a_good_run_makes_the_pause_short_again() -> None:
    assert next_pause(10.0, alive=10.1) == 0.2
    assert next_pause(10.0, alive=9.9) == 10.0


def stat_line(name: str) -> str:
    after_session = "0 -1 4194304 1 2 3 4 5 6 7 8 20 0 1 0 987654 1000 10"
    return f"42 ({name}) S 7 42 41 {after_session}"


@pytest.mark.parametrize("name", ["postgres", "a b", "odd) R 1 (name", "()"])
def test_a_process_is_read_whatever_its_name(name: str) -> None:
    process = parse_stat(stat_line(name))
    assert (process.pid, process.name, process.state) == (42, name, "S")
    assert (process.parent, process.session, process.started) == (7, 41, 987654)


@pytest.mark.parametrize(
    ("progress", "shown"), [(None, ""), (0, " 0%"), (0.25, " 25%"), (1, " 100%"), ("odd", "")]
)
def test_progress_is_shown_as_percent(progress: object, shown: str) -> None:
    assert percent(progress) == shown


def test_a_problem_is_told_by_its_detail_and_code() -> None:
    error = problem(404, b'{"title": "Not found", "detail": "no voice x", "code": "unknown_voice"}')
    assert (str(error), error.code) == ("no voice x", "unknown_voice")


@pytest.mark.parametrize("body", [b"", b"<html>", b"[]", b"{}", b'{"detail": ""}'])
def test_an_answer_that_is_no_problem_json_is_told_by_its_status(body: bytes) -> None:
    assert problem(502, body).code == "http_502"


@pytest.fixture
def wish(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> pytest.MonkeyPatch:
    for name in ("TEXT", "VOICE", "OUT"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "var").mkdir()
    return monkeypatch


def test_saying_takes_any_text_as_it_is(wish: pytest.MonkeyPatch) -> None:
    wish.setenv("TEXT", """it's "5 $HOME" \u00e9\u00e8 \U0001f600""")
    text, voice, out = asked()
    assert text == """it's "5 $HOME" \u00e9\u00e8 \U0001f600"""
    assert (voice, out) == (None, Path("var/say.wav"))


@pytest.mark.parametrize(
    ("settings", "code"),
    [
        ({}, "no_text"),
        ({"TEXT": "  "}, "no_text"),
        ({"TEXT": "a", "OUT": "a.doc"}, "bad_format"),
        ({"TEXT": "a", "OUT": "nowhere/a.wav"}, "no_folder"),
    ],
)
def test_a_wish_that_cannot_be_met_is_refused_at_once(
    wish: pytest.MonkeyPatch, settings: dict[str, str], code: str
) -> None:
    for name, value in settings.items():
        wish.setenv(name, value)
    with pytest.raises(FleetError) as told:
        asked()
    assert told.value.code == code


def test_addresses_survive_odd_characters_in_the_path() -> None:
    sockets = Path("/run/a b?c")
    assert (
        Postgres(Path("d"), sockets).url == "postgresql://voicemill@/voicemill?host=/run/a%20b%3Fc"
    )
    assert Redis(Path("d"), sockets).url == "unix:///run/a%20b%3Fc/redis.sock?db=0"


def test_a_socket_path_fits_and_is_the_clones_own(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("XDG_RUNTIME_DIR", f"/run/{'long' * 30}")
    one, other = socket_folder(tmp_path / "one"), socket_folder(tmp_path / "other")
    assert one != other
    assert one == socket_folder(tmp_path / "one")
    assert len(str(one / SOCKET_NAME)) <= LONGEST_SOCKET
