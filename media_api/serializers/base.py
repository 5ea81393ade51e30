"""What all request bodies and queries have in common."""

from difflib import get_close_matches
from typing import Any

from django.http import QueryDict
from rest_framework import serializers
from rest_framework.fields import empty


class TextField(serializers.CharField):
    """Text and nothing else: the framework's own field takes numbers too."""

    def to_internal_value(self, data: Any) -> str:
        if not isinstance(data, str):
            self.fail("invalid")
        return super().to_internal_value(data)


class StrictSerializer(serializers.Serializer[Any]):
    """Refuses unknown fields by name: a typo must not be ignored in silence."""

    form_fields = frozenset({"csrfmiddlewaretoken"})  # what forms may have besides

    def to_internal_value(self, data: Any) -> Any:
        ignored = self.form_fields if isinstance(data, QueryDict) else frozenset()
        problems = _unknown(set(data.keys()) - ignored, set(self.fields)) if hasattr(data, "keys") else {}
        try:
            value = super().to_internal_value(data)
        except serializers.ValidationError as error:
            raise serializers.ValidationError({**_as_dict(error.detail), **problems}) from error
        if problems:
            raise serializers.ValidationError(problems)
        return value

    def get_initial(self) -> dict[str, Any]:
        """The defaults, so that the browsable pages' forms start with what a request would get."""
        initial: dict[str, Any] = super().get_initial()
        if hasattr(self, "initial_data"):
            return initial
        defaults = {name: field.default for name, field in self.fields.items() if field.default is not empty}
        return initial | {name: value() if callable(value) else value for name, value in defaults.items()}


def _unknown(given: set[str], known: set[str]) -> dict[str, list[str]]:
    problems = {}
    for name in sorted(given - known):
        close = get_close_matches(name, known, n=1)
        problems[name] = [f"There is no such field. Did you mean {close[0]}?" if close else "There is no such field."]
    return problems


def _as_dict(detail: Any) -> dict[str, Any]:
    return detail if isinstance(detail, dict) else {"non_field_errors": detail}
