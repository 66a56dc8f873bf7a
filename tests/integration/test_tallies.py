"""What processes count is added up in the ledger, once, whatever happens to it on the way."""

from __future__ import annotations

import threading

import pytest
from django.db import DatabaseError, connection

from jobs.tallies import Tallies, told_tallies

pytestmark = pytest.mark.django_db(transaction=True)


def test_two_processes_add_up_and_tell_nothing_twice() -> None:
    one, other = Tallies(), Tallies()
    one.count("hits", 2, queue="cpu")
    other.count("hits", queue="cpu")
    other.count("hits", queue="net")
    for tallies in (one, other, one):
        tallies.tell()
    assert told_tallies() == {"hits": {'queue="cpu"': 3, 'queue="net"': 1}}


def test_a_histogram_counts_each_value_in_every_bucket_it_fits() -> None:
    tallies = Tallies()
    for value in (0.5, 1.0, 1.5, 9.0):
        tallies.observe("wait", value, (1.0, 2.0), queue="cpu")
    tallies.tell()
    told = told_tallies()
    assert told["wait_bucket"] == {
        'queue="cpu",le="1"': 2,
        'queue="cpu",le="2"': 3,
        'queue="cpu",le="+Inf"': 4,
    }
    assert (told["wait_sum"], told["wait_count"]) == ({'queue="cpu"': 12}, {'queue="cpu"': 4})


def test_what_cannot_be_told_is_kept() -> None:
    tallies = Tallies()
    tallies.count("hits")
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE jobs_tally RENAME TO away")
    try:
        with pytest.raises(DatabaseError):
            tallies.tell()
    finally:
        with connection.cursor() as cursor:
            cursor.execute("ALTER TABLE away RENAME TO jobs_tally")
    tallies.count("hits")
    tallies.tell()
    assert told_tallies() == {"hits": {"": 2}}


def test_many_that_tell_at_one_time_lose_nothing() -> None:
    """They count in different orders: each adds in one order, so none can lock another out."""

    def work(names: list[str]) -> None:
        tallies = Tallies()
        for _ in range(20):
            for name in names:
                tallies.count(name)
            tallies.tell()
        connection.close()

    names = [f"n{number}" for number in range(10)]
    orders = [names, names[::-1]] * 3
    threads = [threading.Thread(target=work, args=(order,)) for order in orders]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert told_tallies() == {name: {"": 120.0} for name in names}


def test_whatever_a_label_holds_can_be_kept_and_told() -> None:
    tallies = Tallies()
    tallies.count("hits", code='a\0"b\\\n' + "x" * 200, engine="e" * 200)
    tallies.tell()
    (labels,) = told_tallies()["hits"]
    assert labels == r'code="a\"b\\\n' + "x" * 54 + '",engine="' + "e" * 60 + '"'
