"""The database as lines of JSON, one for each row: for where its own tools are missing, or to move to another kind."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from django.apps.registry import Apps
from django.core.management.color import no_style
from django.core.serializers.json import DjangoJSONEncoder
from django.db import connection, models, transaction

AT_ONCE = 500
LEFT_OUT = frozenset({"django_q"})  # wake-ups, which are made anew


def dump(path: Path, apps: Apps) -> None:
    """Write every row, as of one moment."""
    with path.open("w", encoding="utf-8") as file, transaction.atomic():
        if connection.vendor == "postgresql":
            connection.cursor().execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        for model in stored_models(apps):
            for row in model._base_manager.order_by("pk").iterator(AT_ONCE):
                file.write(json.dumps([model._meta.label_lower, _values(row)], cls=DjangoJSONEncoder) + "\n")


def load(path: Path, apps: Apps) -> None:
    """Replace all rows by those of the file; `apps` are the models as they were when it was written."""
    known = {model._meta.label_lower: model for model in stored_models(apps)}
    with path.open(encoding="utf-8") as file, transaction.atomic():
        for model in known.values():
            model._base_manager.all()._raw_delete(connection.alias)  # whatever refers to them goes too
        for label, rows in _runs(file):
            model = known[label]
            model._base_manager.bulk_create([model(**_read(model, values)) for values in rows])
    with connection.cursor() as cursor:
        for statement in connection.ops.sequence_reset_sql(no_style(), list(known.values())):
            cursor.execute(statement)


def stored_models(apps: Apps) -> list[type[models.Model]]:
    """All models with a table of ours, those between many-to-many fields among them."""
    found = apps.get_models(include_auto_created=True)
    return [
        model
        for model in found
        if model._meta.managed and not model._meta.proxy and model._meta.app_label not in LEFT_OUT
    ]


def _values(row: models.Model) -> dict[str, Any]:
    return {field.attname: _value(row, field) for field in row._meta.concrete_fields}


def _value(row: models.Model, field: "models.Field[Any, Any]") -> Any:
    value = field.value_from_object(row)
    if value is None or isinstance(field, models.JSONField):
        return value
    return field.value_to_string(row)


def _read(model: type[models.Model], values: dict[str, Any]) -> dict[str, Any]:
    fields = {field.attname: field for field in model._meta.concrete_fields}
    return {
        name: value if value is None or isinstance(fields[name], models.JSONField) else fields[name].to_python(value)
        for name, value in values.items()
    }


def _runs(lines: Iterator[str]) -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """Rows of one model that follow each other, some hundred at a time."""
    label = ""
    rows: list[dict[str, Any]] = []
    for line in lines:
        of, values = json.loads(line)
        if rows and (of != label or len(rows) >= AT_ONCE):
            yield label, rows
            rows = []
        label = of
        rows.append(values)
    if rows:
        yield label, rows
