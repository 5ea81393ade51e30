"""Acts that take away, fill, delay or distort what the service stands on: database, broker, disk, clock, wake-ups."""

import os
import sqlite3
import time
from contextlib import closing, suppress
from datetime import timedelta

import psycopg

from tests.chaos.deaths import kill_cluster
from tests.chaos.load import BIG
from tests.chaos.scene import Scene
from tests.chaos.verdict import MOST_AGAIN_PERCENT

OUTAGE_SECONDS = 10.0
WAKE_UPS = "django_q_ormq"


def restart_database(scene: Scene) -> None:
    """Ten seconds without. SQLite has no server to stop: there, one writer keeps all others out for as long."""
    if scene.postgres is None:
        lock_sqlite(scene, OUTAGE_SECONDS)
        return
    scene.postgres.stop()
    time.sleep(OUTAGE_SECONDS)
    scene.postgres.start()


def lock_sqlite(scene: Scene, seconds: float) -> None:
    with closing(sqlite3.connect(str(scene.service.storage / "db.sqlite3"), timeout=30)) as connection:
        connection.isolation_level = None
        connection.execute("BEGIN IMMEDIATE")
        time.sleep(seconds)
        connection.execute("ROLLBACK")


def cut_connections(scene: Scene) -> None:
    """Every connection to the database, again and again while jobs are being completed."""
    clients = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE backend_type = 'client backend'"
    others = f"{clients} AND pid <> pg_backend_pid()"
    deadline = time.monotonic() + 8
    while time.monotonic() < deadline:
        with suppress(psycopg.Error):
            scene.service.ledger.rows(others)
        time.sleep(0.2)


def kill_between_publishing_and_recording(scene: Scene) -> None:
    """The database lets no completion through; files are published; then the whole cluster dies."""
    if scene.postgres is None:
        _kill_while_sqlite_is_locked(scene)
        return
    with psycopg.connect(scene.service.ledger.url) as connection:
        connection.execute("LOCK TABLE jobs_mediafile IN EXCLUSIVE MODE")
        scene.wait(scene.service.stray_files, seconds=40, what="a file is published")
        time.sleep(0.5)
        kill_cluster(scene)
        connection.rollback()
    scene.require(bool(scene.service.stray_files()), "no file was published and not recorded when the cluster died")


def _kill_while_sqlite_is_locked(scene: Scene) -> None:
    """There, a lock keeps out all that is written, and a job writes before it publishes: it needs gaps to get there."""
    deadline = time.monotonic() + 60
    with closing(sqlite3.connect(str(scene.service.storage / "db.sqlite3"), timeout=30)) as connection:
        connection.isolation_level = None
        is_killed = False
        while not is_killed and time.monotonic() < deadline:
            connection.execute("BEGIN IMMEDIATE")
            held_until = time.monotonic() + 0.5
            while not is_killed and time.monotonic() < held_until:
                if scene.service.stray_files():
                    kill_cluster(scene)
                    is_killed = True
            connection.execute("ROLLBACK")
            time.sleep(0.05)
    scene.require(is_killed, "no file was published and not recorded")


def lose_wake_ups(scene: Scene) -> None:
    """Whatever the broker holds is gone, for some seconds; workers die meanwhile, so that there is something to do."""
    scene.kill(scene.service.busy()[:3])
    deadline = time.monotonic() + 6
    while time.monotonic() < deadline:
        scene.service.ledger.change(f"DELETE FROM {WAKE_UPS}")
        time.sleep(0.05)


def double_wake_ups(scene: Scene) -> None:
    """Each that is there comes five times, and some that are old."""
    deadline = time.monotonic() + 6
    while time.monotonic() < deadline:
        for _ in range(5):
            scene.service.ledger.change(
                f"INSERT INTO {WAKE_UPS} (key, payload, lock) SELECT key, payload, lock FROM {WAKE_UPS} LIMIT 20"
            )
        time.sleep(0.3)


def set_clock_back(scene: Scene) -> None:
    """By an hour, as a machine's first contact to its time server may: what was to be soon is far away, leases too."""
    scene.kill(scene.service.busy()[:3])
    scene.service.ledger.shift_times(timedelta(hours=1))


def set_clock_forward(scene: Scene) -> None:
    """By an hour: every lease looks as if it were over, though all workers live."""
    scene.service.ledger.shift_times(timedelta(hours=-1))


def fill_disk(scene: Scene) -> None:
    """To the last byte, under the database too; room again some seconds later.

    What still came when there was no room was sent for nothing; what was kept must not be fetched again.
    """
    filler = scene.service.storage / "filler"
    with filler.open("wb") as file, suppress(OSError):  # there is no room left
        while True:
            os.write(file.fileno(), b"\0" * 65536)
    time.sleep(8)
    kept = {job: size for job in scene.load.of(BIG) if (size := scene.service.partial_bytes(job))}
    filler.unlink()
    scene.require(bool(kept), "no download was cut off")
    scene.wait(lambda: all(map(scene.load.resumed_at, kept)), seconds=60, what="all downloads go on")
    again = sum(max(size - scene.load.resumed_at(job), 0) for job, size in kept.items())
    share = 100.0 * again / max(sum(kept.values()), 1)
    scene.require(share <= MOST_AGAIN_PERCENT, f"{share:.1f} % of what was kept were fetched again")


def stop_redis(scene: Scene) -> None:
    """The broker and the cache at once; it comes back empty. Workers die meanwhile, and jobs come in."""
    assert scene.redis is not None
    scene.redis.stop()
    scene.kill(scene.service.busy()[:3])
    for _ in range(3):
        scene.load.submit(scene.service, BIG)
    time.sleep(8)
    scene.redis.start()
