"""Reading of request bodies."""

import json
from collections.abc import Mapping
from typing import Any

from rest_framework.exceptions import ParseError, ValidationError
from rest_framework.parsers import BaseParser, JSONParser

HALF_A_CHARACTER = "half of a surrogate pair is no character"


class BoundedJSONParser(JSONParser):
    """JSON; what is nested too deeply, or no text that could be written again, is the caller's error and no crash."""

    def parse(self, stream: Any, media_type: str | None = None, parser_context: Mapping[str, Any] | None = None) -> Any:
        try:
            value = super().parse(stream, media_type, parser_context)
            _check_text(value)
        except RecursionError as error:
            raise ParseError("JSON parse error - nested too deeply") from error
        except UnicodeEncodeError as error:
            raise ParseError(f"JSON parse error - {HALF_A_CHARACTER}") from error
        return value


class PlainTextParser(BaseParser):
    """Text as it is, under the name `text`."""

    media_type = "text/plain"

    def parse(
        self, stream: Any, media_type: str | None = None, parser_context: Mapping[str, Any] | None = None
    ) -> dict[str, str]:
        try:
            return {"text": stream.read().decode("utf-8-sig")}
        except UnicodeDecodeError as error:
            raise ParseError("The body is not text in UTF-8.") from error


def _check_text(value: Any) -> None:
    """Raise what names the fields that are no text, or a UnicodeEncodeError when that is not to be said of a field."""
    fields = value if isinstance(value, dict) else {}
    problems = {name: [f"{HALF_A_CHARACTER.capitalize()}."] for name in fields if not _is_text(fields[name])}
    if problems and _is_text(list(problems)):
        raise ValidationError(problems)
    json.dumps(value, ensure_ascii=False).encode()


def _is_text(value: Any) -> bool:
    try:
        json.dumps(value, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        return False
    return True
