"""Putting everything that `vault` protects under the first of ENCRYPTION_KEYS, whichever models it belongs to."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from django.apps import apps
from django.db import models

from accounts.vault import CannotDecrypt, EncryptedField, Sealed

ROWS_AT_ONCE = 200


@dataclass(kw_only=True)
class Report:
    """What became of one column. `unreadable` rows were left as they are: none of the keys opens them."""

    column: str
    renewed: int = 0
    current: int = 0
    unreadable: int = 0


def rotate() -> Iterator[Report]:
    """Encrypt anew what is not under the first key, column by column. Safe to interrupt, to repeat, and beside others.

    Each row is a transaction of its own, and one that somebody else writes meanwhile is theirs: new text is under the
    first key anyway, once every process has the new keys.
    """
    for model in apps.get_models():
        for field in model._meta.concrete_fields:
            if isinstance(field, EncryptedField):
                yield _rotate_column(model, field)


def _rotate_column(model: type[models.Model], field: EncryptedField) -> Report:
    report = Report(column=f"{model._meta.label}.{field.attname}")
    rows = model._base_manager.filter(**{f"{field.attname}__isnull": False})
    for key, sealed in _in_chunks(rows, field.attname):
        if sealed.is_current():
            report.current += 1
            continue
        try:
            renewed = sealed.renewed()
        except CannotDecrypt:
            report.unreadable += 1
            continue
        report.renewed += rows.filter(pk=key, **{field.attname: sealed}).update(**{field.attname: renewed})
    return report


def _in_chunks(rows: "models.QuerySet[Any]", column: str) -> Iterator[tuple[Any, Sealed]]:
    """Key and content of every row, few of them in memory at a time."""
    last: Any = None
    while True:
        rest = rows if last is None else rows.filter(pk__gt=last)
        chunk = list(rest.order_by("pk").values_list("pk", column)[:ROWS_AT_ONCE])
        yield from chunk
        if len(chunk) < ROWS_AT_ONCE:
            return
        last = chunk[-1][0]
