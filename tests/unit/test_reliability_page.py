"""docs/reliability.md: how it is put together, and that the page in the repository is one."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

from tests.chaos.hooks import KILLS, job_of, plan_kills
from tests.chaos.journal import Entry, What
from tests.chaos.latency import Sent, percentiles, summarise
from tests.chaos.page import HEAD, WIDTH, compose, counted, paragraphs, sections, told
from tests.chaos.parts import FAULTS, PARTS
from tests.chaos.rolling import Spoken
from tests.chaos.stamp import PAGE, stamp
from tests.live import ROOT

ORDER = ["One", "Two", "Three"]


def test_a_refreshed_part_leaves_the_others_as_they_were() -> None:
    page = compose({"One": "first\n", "Three": "third\n"}, "", ORDER)
    again = compose({"Two": "second\n"}, page, ORDER)
    assert again.startswith(HEAD)
    assert sections(again) == {"One": "first\n", "Two": "second\n", "Three": "third\n"}
    assert compose({"Two": "second\n"}, again, ORDER) == again


def test_a_part_that_is_no_part_any_more_goes() -> None:
    assert sections(compose({}, "## Gone\n\nx\n\n## One\n\ny\n", ORDER)) == {"One": "y\n"}


def test_a_missed_goal_is_said() -> None:
    table = counted([("lost", 0, 0), ("twice", 3, 0), ("jobs", 1_746, None)])
    assert "| lost | 0 | 0 |" in table
    assert "| twice | 3 | 0, **missed** |" in table
    assert "| jobs | 1,746 |  |" in table


def test_lines_fit_and_numbers_are_short() -> None:
    text = paragraphs("word " * 100, "`code` and-a-hyphen " * 30)
    assert max(map(len, text.splitlines())) <= WIDTH
    assert [told(12_345.6), told(12.34), told(7)] == ["12,346", "12.3", "7"]


def test_a_stamp_names_no_machine_and_no_path() -> None:
    said = stamp("commit `1234567`", 12.3)
    assert str(ROOT) not in said
    assert Path("/proc/sys/kernel/hostname").read_text().strip() not in said.split()
    for name in ("1234567", "PostgreSQL 18", "Redis 6", "Python 3.11", "Celery", "cores of"):
        assert name in said


def test_the_page_of_the_repository_has_every_part_and_lines_that_fit() -> None:
    page = (ROOT / PAGE).read_text(encoding="utf-8")
    assert page.startswith(HEAD)
    assert list(sections(page)) == [part.title for part in PARTS.values()]
    assert max(map(len, page.splitlines())) <= WIDTH
    assert "**missed**" not in page


def test_percentiles_are_values_that_were_measured() -> None:
    assert percentiles([number / 1000 for number in range(1, 101)]) == (50.0, 95.0, 99.0)
    assert percentiles([0.0042]) == (4.2, 4.2, 4.2)


def test_a_latency_is_from_sending_to_the_end_for_each_job_of_a_request() -> None:
    sent = [Sent("bulks", 10.0, 0.5, ("a", "b")), Sent("talkers", 10.0, 0.1, ("c",))]
    found = summarise("bulks", sent, {"a": 11.0, "b": 13.0, "c": 99.0})
    assert (found.jobs, found.accept[0], found.done) == (2, 500.0, (1000.0, 3000.0, 3000.0))


def entry(what: What, about: str, at: float) -> Entry:
    return Entry(what, about, 1, at)


def test_a_text_spoken_to_its_end_twice_is_told_from_one_begun_again() -> None:
    spoken = Spoken(
        [
            *(entry("start", "half", 1), entry("dropped", "half", 3.5)),
            *(entry("start", "half", 4), entry("end", "half", 9)),
            *(entry("start", "whole", 1), entry("end", "whole", 2), entry("dropped", "whole", 2)),
            *(entry("start", "whole", 3), entry("end", "whole", 4)),
        ]
    )
    assert spoken.twice == {"whole"}
    assert (spoken.dropped, spoken.thrown_away) == (2, 3.5)


def test_every_kind_is_killed_before_any_is_killed_again() -> None:
    assert set(plan_kills(len(KILLS))) == set(KILLS)
    assert Counter(plan_kills(sum(KILLS.values()))) == KILLS
    assert set(KILLS) < set(FAULTS)


def test_a_message_id_says_whose_end_it_tells() -> None:
    job = "0197f3a2-7c1e-7000-8000-000000000001"
    assert job_of("msg_0197f3a27c1e70008000000000000001_1") == job
