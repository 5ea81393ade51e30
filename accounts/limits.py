"""The cache that rate limits count in. What is limited, and for whom, is decided by those who count."""

import base64
import pickle
from typing import Any

from django.core.cache.backends.base import DEFAULT_TIMEOUT
from django.core.cache.backends.db import DatabaseCache
from django.db import connections, router, transaction
from django.utils import timezone


class AtomicDatabaseCache(DatabaseCache):
    """Django's database cache with an `incr` that loses no count, whatever number of processes counts.

    Django's own reads the value and writes it back in two steps: half the counts of eight busy processes were lost.
    """

    _table: str
    cache_model_class: type[Any]

    def incr(self, key: str, delta: int = 1, version: int | None = None) -> int:
        """Add `delta` to a number. Raises ValueError when there is none, or it has expired.

        Row locks keep others out on PostgreSQL; on SQLite an IMMEDIATE transaction does.
        """
        name = self.make_and_validate_key(key, version=version)
        alias = router.db_for_write(self.cache_model_class) or "default"
        connection = connections[alias]
        table = connection.ops.quote_name(self._table)
        lock = " FOR UPDATE" if connection.features.has_select_for_update else ""
        now = connection.ops.adapt_datetimefield_value(timezone.now().replace(microsecond=0))
        with transaction.atomic(using=alias), connection.cursor() as cursor:
            select = f"SELECT value FROM {table} WHERE cache_key = %s AND expires >= %s{lock}"  # noqa: S608  # nosec B608
            cursor.execute(select, [name, now])
            row = cursor.fetchone()
            if row is None:
                raise ValueError(f"Key {key!r} not found")
            number: int = _loads(row[0]) + delta
            cursor.execute(f"UPDATE {table} SET value = %s WHERE cache_key = %s", [_dumps(number), name])  # noqa: S608  # nosec B608
        return number

    def add(self, key: str, value: object, timeout: float | None = DEFAULT_TIMEOUT, version: int | None = None) -> bool:
        """As Django's, but a key that is there costs one look-up instead of a count of the whole table."""
        return not self.has_key(key, version=version) and super().add(key, value, timeout, version)


def _loads(stored: str) -> Any:
    """In the format of Django's cache table, which nobody but this service writes."""
    return pickle.loads(base64.b64decode(stored.encode()))  # noqa: S301  # nosec B301


def _dumps(value: object) -> str:
    return base64.b64encode(pickle.dumps(value, pickle.HIGHEST_PROTOCOL)).decode("ascii")
