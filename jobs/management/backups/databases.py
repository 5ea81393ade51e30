"""The database in a back-up: as SQLite copies itself, as pg_dump writes it, or as rows that fit either."""

import os
import shutil
import sqlite3
import subprocess
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

from django.apps.registry import Apps
from django.core.management import call_command
from django.db import connection
from django.db.migrations.executor import MigrationExecutor
from django.db.migrations.recorder import MigrationRecorder

from jobs.management.backups import rows
from jobs.management.backups.manifest import Manifest, Unusable

SQLITE, PG_DUMP, ROWS = "sqlite", "pg_dump", "rows"
FILES = {SQLITE: "database.sqlite3", PG_DUMP: "database.pg_dump", ROWS: "database.jsonl"}


def dump(root: Path, *, as_rows: bool) -> str:
    """Write the database into the back-up while it is in use. Returns the method."""
    method = ROWS if as_rows else SQLITE if connection.vendor == "sqlite" else PG_DUMP if has_postgres_tools() else ROWS
    path = root / FILES[method]
    if method == SQLITE:
        connection.ensure_connection()
        with closing(sqlite3.connect(path)) as copy:
            connection.connection.backup(copy)
    elif method == PG_DUMP:
        _run(["pg_dump", "--format=custom", "--no-owner", "--no-privileges", f"--file={path}"])
    else:
        rows.dump(path, _models_at(last_migrations()))
    return method


def restore(root: Path, manifest: Manifest) -> None:
    """Replace the database's content by the back-up's, and bring it to this version. Raises Unusable."""
    path = root / FILES[manifest.database]
    if manifest.database == SQLITE:
        _require("sqlite", manifest)
        with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as copy:
            connection.ensure_connection()
            copy.backup(connection.connection)
    elif manifest.database == PG_DUMP:
        _require("postgresql", manifest)
        _drop_tables()
        _run(["pg_restore", "--no-owner", "--no-privileges", "--single-transaction", "--exit-on-error"], str(path))
    else:
        _drop_tables()
        _load_rows(path, manifest)
    call_command("migrate", interactive=False, verbosity=0)


def last_migrations() -> dict[str, str]:
    """The last one that each app has applied here."""
    applied = MigrationRecorder(connection).applied_migrations()
    last: dict[str, str] = {}
    for app, name in applied:
        last[app] = max(last.get(app, ""), name)
    return last


def require_known(manifest: Manifest) -> None:
    """Raise Unusable for a back-up of a newer version than this one."""
    known = MigrationExecutor(connection).loader.disk_migrations
    for app, name in manifest.migrations.items():
        if (app, name) not in known:
            raise Unusable(
                f"The back-up was made by version {manifest.version}, whose database this version does not know "
                f"({app} {name}): restore it with that version or a later one."
            )


def is_in_use() -> bool:
    """Whether the database has users, so that a restore would destroy something."""
    if "accounts_user" not in connection.introspection.table_names():
        return False
    with connection.cursor() as cursor:
        cursor.execute("SELECT COUNT(*) FROM accounts_user")
        return bool(cursor.fetchone()[0])


def has_postgres_tools() -> bool:
    """Whether pg_dump and pg_restore are here."""
    return all(shutil.which(program) for program in ("pg_dump", "pg_restore"))


def _load_rows(path: Path, manifest: Manifest) -> None:
    """Into tables as they were when the rows were written: what changed since, migrations change."""
    MigrationExecutor(connection).migrate(list(manifest.migrations.items()))
    rows.load(path, _models_at(manifest.migrations))


def _models_at(migrations: Mapping[str, str]) -> Apps:
    """The models as they were then: the database may be older than the code."""
    return MigrationExecutor(connection).loader.project_state(list(migrations.items())).apps


def _drop_tables() -> None:
    with connection.constraint_checks_disabled(), connection.cursor() as cursor:
        cascade = "CASCADE" if connection.vendor == "postgresql" else ""
        for name in connection.introspection.table_names():
            cursor.execute(f"DROP TABLE IF EXISTS {connection.ops.quote_name(name)} {cascade}")


def _require(vendor: str, manifest: Manifest) -> None:
    if connection.vendor != vendor:
        raise Unusable(
            f"The back-up holds a {vendor} database ({manifest.database}), and DATABASE_URL names another kind. "
            "Make one with `manage.py backup --portable` to move between kinds."
        )


def _run(command: list[str], *arguments: str) -> None:
    """Run a program of PostgreSQL on our database; the password goes by the environment. Raises Unusable."""
    settings: dict[str, Any] = connection.settings_dict
    given = {
        "PGHOST": settings["HOST"],
        "PGPORT": settings["PORT"],
        "PGUSER": settings["USER"],
        "PGPASSWORD": settings["PASSWORD"],
        "PGDATABASE": settings["NAME"],
    }
    environment = {**os.environ, **{name: str(value) for name, value in given.items() if value}}
    database = [f"--dbname={settings['NAME']}"] if command[0] == "pg_restore" else []
    done = subprocess.run(
        [*command, *database, *arguments], env=environment, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise Unusable(f"{command[0]} failed: {done.stderr.strip()[-500:]}")
