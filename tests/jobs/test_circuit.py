"""Sites that ask for fewer requests are spared: slowed, held, tried again, forgotten."""

from datetime import timedelta

import pytest
import time_machine
from django.utils import timezone
from pytest_django import Settings

from accounts.models import User
from jobs import circuit, scheduling
from jobs.models import Site
from jobs.states import State
from tests.factories import make_job

pytestmark = pytest.mark.django_db
HOST = "media.example"


@pytest.fixture(autouse=True)
def limits(settings: Settings) -> None:
    settings.SITE_SLOW_AFTER, settings.SITE_HOLD_AFTER = 2, 3
    settings.SITE_HOLD_SECONDS, settings.SITE_HOLD_SECONDS_MAX = 600, 1500


def refuse(times: int) -> None:
    for _ in range(times):
        circuit.note_refusal(HOST)


def held_seconds() -> float:
    return (circuit.spared().held[HOST] - timezone.now()).total_seconds()


def test_one_refusal_changes_nothing(owner: User) -> None:
    make_job(owner, State.RUNNING)
    make_job(owner)
    refuse(1)

    assert scheduling.next_job("one") is not None


def test_a_slowed_site_has_one_download_at_a_time(owner: User) -> None:
    refuse(2)
    make_job(owner)
    assert scheduling.next_job("one") is not None

    make_job(owner, State.RUNNING)

    assert scheduling.next_job("one") is None
    elsewhere = make_job(owner, host="elsewhere.example")
    assert scheduling.next_job("one") == elsewhere


def test_a_held_site_has_none_and_is_not_due_until_its_cool_down_is_over(owner: User) -> None:
    job = make_job(owner)
    refuse(3)

    assert scheduling.next_job("one") is None
    assert not scheduling.due().exists()
    with time_machine.travel(timezone.now() + timedelta(seconds=601)):
        assert scheduling.due().get() == job
        assert scheduling.next_job("one") == job


def test_each_cool_down_is_twice_as_long_up_to_the_longest() -> None:
    refuse(3)
    assert 590 < held_seconds() <= 600

    with time_machine.travel(timezone.now() + timedelta(seconds=601)):
        refuse(1)
        assert 1190 < held_seconds() <= 1200
        with time_machine.travel(timezone.now() + timedelta(seconds=1201)):
            refuse(1)
            assert 1490 < held_seconds() <= 1500


def test_refusals_of_downloads_that_ran_already_do_not_prolong_a_hold() -> None:
    refuse(3)
    before = Site.objects.get().held_until

    refuse(4)

    assert Site.objects.get().held_until == before


def test_after_a_cool_down_one_download_tries_and_success_ends_it(owner: User) -> None:
    refuse(3)
    with time_machine.travel(timezone.now() + timedelta(seconds=601)):
        make_job(owner, State.RUNNING)
        make_job(owner)
        assert scheduling.next_job("one") is None

        circuit.note_success(HOST)

        assert scheduling.next_job("one") is not None
        assert not Site.objects.exists()


def test_the_success_of_a_download_that_ran_already_does_not_end_a_hold() -> None:
    refuse(3)

    circuit.note_success(HOST)

    assert HOST in circuit.spared().held


def test_old_refusals_are_forgotten() -> None:
    refuse(2)
    with time_machine.travel(timezone.now() + timedelta(seconds=3001)):
        assert circuit.spared() == circuit.Spared(held={}, slowed=frozenset())

        refuse(1)

        assert Site.objects.get().refusals == 1


def test_an_operator_releases_a_site() -> None:
    refuse(3)

    assert circuit.release(HOST)

    assert not circuit.spared().held
    assert not circuit.release(HOST)


def test_zero_turns_it_off(settings: Settings) -> None:
    settings.SITE_SLOW_AFTER = settings.SITE_HOLD_AFTER = 0

    refuse(9)

    assert circuit.spared() == circuit.Spared(held={}, slowed=frozenset())


def test_a_queued_job_tells_why_it_waits(owner: User) -> None:
    refuse(3)
    spared = circuit.spared()
    job = make_job(owner, not_before=timezone.now() + timedelta(seconds=5))

    wait = circuit.wait_of(job, spared)

    assert wait is not None
    assert wait.until == spared.held[HOST]
    assert wait.reason.startswith(f"{HOST} answered")
    assert circuit.wait_of(make_job(owner, State.RUNNING), spared) is None
    assert circuit.wait_of(make_job(owner, host="elsewhere.example"), spared) is None


def test_a_retry_pause_is_told_where_the_site_is_not_held(owner: User) -> None:
    job = make_job(owner, not_before=timezone.now() + timedelta(seconds=5))

    wait = circuit.wait_of(job, circuit.spared())

    assert wait is not None
    assert wait.until == job.not_before


@pytest.mark.parametrize(("asked", "granted"), [(None, 600), (30, 600), (1200, 1200), (86400, 1500)])
def test_a_hold_lasts_as_long_as_the_site_asks_for(asked: float | None, granted: float) -> None:
    refuse(2)

    circuit.note_refusal(HOST, retry_after_seconds=asked)

    assert held_seconds() == pytest.approx(granted, abs=30)


def test_one_answer_holds_no_site_whatever_it_asks_for() -> None:
    circuit.note_refusal(HOST, retry_after_seconds=86400)

    assert not circuit.spared().held
