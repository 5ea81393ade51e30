"""Migrations run while old code still serves, so they may add, and take away only what no living version knows."""

import pytest
from django.db import connection
from django.db.migrations import Migration
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.operations import (
    AddField,
    AddIndex,
    AlterField,
    AlterModelTable,
    CreateModel,
    DeleteModel,
    RemoveField,
    RenameField,
    RenameModel,
)
from django.db.migrations.operations.base import Operation
from django.db.models import NOT_PROVIDED, Field

from jobs.indexes import AddIndexWhileServing

OURS = ("accounts", "jobs", "media_api")
# The last migration of each app before the first release: no older code ever served beside these.
FIRST_RELEASE = {"accounts": 7, "jobs": 15, "media_api": 1}
# Of each app, the last migration that made indexes of tables in use as if nobody used them.
LAST_BLOCKING = {"accounts": 7, "jobs": 8, "media_api": 1}
# Migrations that take away what the release before them stopped using, as (app, name): the second half of a change.
SECOND_HALVES: frozenset[tuple[str, str]] = frozenset()
TAKES_AWAY = (RemoveField, RenameField, DeleteModel, RenameModel, AlterModelTable)


def trouble(operation: Operation) -> str:
    """Why code that does not know of the operation would fail after it; empty when it would not."""
    if isinstance(operation, TAKES_AWAY):
        return f"{operation.describe()}: old code still asks for it. Stop using it first, and do this a release later."
    if isinstance(operation, AddField) and needs_value(operation.field):
        return f"{operation.describe()}: old code adds rows without it. Give it null=True or a db_default."
    if isinstance(operation, AlterField) and needs_value(operation.field):
        return f"{operation.describe()}: old code may leave it empty. Give it a db_default."
    return ""


def needs_value(field: "Field[object, object]") -> bool:
    """Whether the database refuses a row that does not name the column: Django's `default` is not the database's."""
    return not (field.null or field.many_to_many or field.primary_key) and field.db_default is NOT_PROVIDED


@pytest.mark.django_db
def test_migrations_leave_old_code_serving() -> None:
    migrations = MigrationLoader(connection).disk_migrations
    troubles = [
        f"{app}.{name}: {found}"
        for (app, name), migration in migrations.items()
        if app in OURS and int(name[:4]) > FIRST_RELEASE[app] and (app, name) not in SECOND_HALVES
        for operation in migration.operations
        if (found := trouble(operation))
    ]

    assert not troubles, "\n".join(troubles)


@pytest.mark.django_db
def test_indexes_of_tables_in_use_are_made_beside_writers() -> None:
    migrations = MigrationLoader(connection).disk_migrations
    blocking = [
        f"{app}.{name}: {operation.describe()}"
        for (app, name), migration in migrations.items()
        if app in OURS and int(name[:4]) > LAST_BLOCKING[app]
        for operation in migration.operations
        if keeps_writers_out(operation, migration)
    ]

    assert not blocking, "Use AddIndexWhileServing, in a migration of its own:\n" + "\n".join(blocking)


def keeps_writers_out(operation: Operation, migration: Migration) -> bool:
    """Whether it makes an index of a table that is in use, in a way that writers wait for."""
    made = {one.name_lower for one in migration.operations if isinstance(one, CreateModel)}
    if not isinstance(operation, AddIndex) or operation.model_name_lower in made:
        return False
    return not isinstance(operation, AddIndexWhileServing) or migration.atomic


@pytest.mark.parametrize(
    ("operation", "is_safe"),
    [
        (AddField("job", "note", Field(null=True)), True),
        (AddField("job", "note", Field(db_default="")), True),
        (AddField("job", "note", Field(default="")), False),
        (AlterField("job", "note", Field()), False),
        (RemoveField("job", "note"), False),
        (RenameField("job", "note", "remark"), False),
        (DeleteModel("job"), False),
    ],
    ids=["nullable", "of the database", "of Django", "narrowed", "removed", "renamed", "dropped"],
)
def test_what_would_break_old_code_is_told(operation: Operation, is_safe: bool) -> None:
    assert bool(trouble(operation)) is not is_safe
