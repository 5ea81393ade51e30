import multiprocessing
import multiprocessing.synchronize
import os

import pytest
from django.core.cache import cache
from django.db import connections

PROCESSES = 4
COUNTS = 50


@pytest.mark.django_db
def test_counting_starts_with_what_was_added() -> None:
    assert cache.add("calls", 1, 60)

    assert [cache.incr("calls"), cache.incr("calls", 5), cache.get("calls")] == [2, 7, 7]


@pytest.mark.django_db
def test_a_key_that_is_there_is_not_added_again() -> None:
    cache.add("calls", 1, 60)

    assert not cache.add("calls", 9, 60)
    assert cache.get("calls") == 1


@pytest.mark.django_db
def test_an_expired_count_starts_anew() -> None:
    cache.set("calls", 5, -1)

    with pytest.raises(ValueError, match="calls"):
        cache.incr("calls")
    assert cache.add("calls", 1, 60)
    assert cache.get("calls") == 1


@pytest.mark.django_db
def test_counting_what_is_not_there_is_an_error() -> None:
    with pytest.raises(ValueError, match="nothing"):
        cache.incr("nothing")


@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
def test_processes_that_count_at_once_lose_no_count() -> None:
    cache.set("calls", 0, 600)
    connections.close_all()
    context = multiprocessing.get_context("fork")
    start = context.Event()
    counters = [context.Process(target=count, args=(start,)) for _ in range(PROCESSES)]

    for counter in counters:
        counter.start()
    start.set()
    for counter in counters:
        counter.join(60)

    assert [counter.exitcode for counter in counters] == [0] * PROCESSES
    assert cache.get("calls") == PROCESSES * COUNTS


def count(start: multiprocessing.synchronize.Event) -> None:
    """What each process does; leaves without the parent's clean-up."""
    status = 1
    try:
        start.wait()
        for _ in range(COUNTS):
            cache.incr("calls")
        connections.close_all()
        status = 0
    finally:
        os._exit(status)
