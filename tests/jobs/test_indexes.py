"""Set-ups of several hosts on one database that is in use."""

import time
from concurrent.futures import ThreadPoolExecutor

import psycopg
import pytest
from django.core.management import call_command
from django.db import connection, connections

from accounts.models import User
from jobs.management.commands import setup
from tests.factories import make_job

DEADLINE_SECONDS = 60


@pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite has one writer at a time, and no other hosts")
@pytest.mark.django_db(transaction=True)
def test_a_host_adds_indexes_while_others_write_and_wait_for_their_turn(owner: User) -> None:
    jobs = [make_job(owner), make_job(owner)]
    call_command("migrate", "jobs", "0010", verbosity=0)
    with ThreadPoolExecutor() as hosts, connect() as writer, connect() as other:
        writer.execute("UPDATE jobs_job SET title = 'long' WHERE id = %s", [jobs[0].pk])
        migrating = hosts.submit(migrate_alone)
        wait_for("state = 'active' AND wait_event_type = 'Lock' AND query LIKE 'CREATE INDEX%'")
        waiting = hosts.submit(wait_for_turn)
        wait_for("query LIKE '%advisory_lock%' AND query LIKE 'SELECT pg%'")

        other.execute("SET lock_timeout = '10s'")
        other.execute("UPDATE jobs_job SET title = 'meanwhile' WHERE id = %s", [jobs[1].pk])
        other.commit()
    call_command("migrate", verbosity=0)

    migrating.result()
    waiting.result()
    with connection.cursor() as cursor:
        assert "job_by_age" in connection.introspection.get_constraints(cursor, "jobs_job")


@pytest.mark.skipif(connection.vendor != "postgresql", reason="elsewhere, a broken off migration leaves nothing")
@pytest.mark.django_db(transaction=True)
def test_an_index_whose_making_was_cut_off_is_made_anew() -> None:
    call_command("migrate", "jobs", "0010", verbosity=0)
    try:
        with connection.cursor() as cursor:
            cursor.execute("CREATE INDEX job_by_age ON jobs_job (created_at)")
            cursor.execute("UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'job_by_age'::regclass")
    finally:
        call_command("migrate", verbosity=0)

    with connection.cursor() as cursor:
        assert connection.introspection.get_constraints(cursor, "jobs_job")["job_by_age"]["columns"] == [
            "created_at",
            "id",
        ]


def migrate_alone() -> None:
    try:
        with setup.one_at_a_time():
            call_command("migrate", verbosity=0)
    finally:
        connections.close_all()


def wait_for_turn() -> None:
    try:
        with setup.one_at_a_time():
            pass
    finally:
        connections.close_all()


def connect() -> "psycopg.Connection[tuple[object, ...]]":
    told = {name: connection.get_connection_params()[name] for name in ("dbname", "user", "password", "host", "port")
            if connection.get_connection_params().get(name)}  # fmt: skip
    return psycopg.connect(**told)


def wait_for(condition: str) -> None:
    """Until another session of this database is as described."""
    sessions = "SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
    deadline = time.monotonic() + DEADLINE_SECONDS
    with connect() as look:
        look.autocommit = True
        while not look.execute(f"{sessions} AND {condition}").fetchall():  # type: ignore[arg-type]
            assert time.monotonic() < deadline, condition
            time.sleep(0.05)
