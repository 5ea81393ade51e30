"""Queries, their time and errors, by django-prometheus's database backends."""

from django.db import connections

from media_api.metrics import counting  # noqa: F401  (before the metrics, which come with the backend)

BACKENDS = {
    "django.db.backends.postgresql": "django_prometheus.db.backends.postgresql",
    "django.db.backends.sqlite3": "django_prometheus.db.backends.sqlite3",
}


def count_queries() -> None:
    """Have connections that are made from now on count. Done by the web alone: workers would load 0.4 MB for it."""
    database = connections.settings["default"]
    database["ENGINE"] = BACKENDS.get(database["ENGINE"], database["ENGINE"])
