"""What all request bodies and queries have in common."""

from collections.abc import Mapping
from difflib import get_close_matches
from typing import Any

from django.conf import settings
from django.http import QueryDict
from rest_framework import serializers
from rest_framework.fields import empty

from media_api.pagination import CURSOR, NOT_A_CURSOR

MOST_UNKNOWN = 20  # fields that are refused by name
REPLACEMENT = "\ufffd"  # what Django makes of bytes in an address that are no text: another link would be asked


class TextField(serializers.CharField):
    """Text and nothing else: the framework's own field takes numbers too."""

    def to_internal_value(self, data: Any) -> str:
        if not isinstance(data, str):
            self.fail("invalid")
        return super().to_internal_value(data)


class PatternField(TextField):
    """Text whose form is described in the documentation, and checked where it is understood."""

    pattern = ""


# Hosts as RFC 1123 has them, or an IPv4 or an unshortened, global IPv6 address. Names in other scripts are taken as
# well, as browsers take them: a pattern cannot tell which of those there are.
_OCTET = "(?:25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])"
_FIRST_OCTET = "(?:22[0-3]|2[01][0-9]|1[0-9][0-9]|[1-9][0-9]?)"  # nobody is asked at the others
_LABEL = "[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?"
_HOST = (
    rf"(?:(?:{_LABEL}\.){{0,9}}[A-Za-z](?:[A-Za-z0-9-]{{0,61}}[A-Za-z0-9])?\.?|{_FIRST_OCTET}(?:\.{_OCTET}){{3}}"
    r"|\[[23][0-9A-Fa-f]{3}(?::[0-9A-Fa-f]{1,4}){7}\])"
)


class LinkField(PatternField):
    """A link to something on the web. Which ones this installation takes is decided in `jobs.links`."""

    pattern = rf"^[Hh][Tt][Tt][Pp][Ss]?://{_HOST}(?::[0-9]{{1,4}})?(?:[/?#][^\x00-\x1f\x7f-\x9f]*)?$"
    default_error_messages = {"not_a_link": "A link starts with http:// or https://."}

    def __init__(self, **options: Any) -> None:
        super().__init__(**{"max_length": settings.LONGEST_URL, **options})

    def to_internal_value(self, data: Any) -> str:
        link = super().to_internal_value(data)
        if not link.lower().startswith(("http://", "https://")):
            self.fail("not_a_link")
        return link


class LinksField(serializers.ListField):
    """Links, none of them twice. Errors name each by its place."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**{"child": LinkField(), "min_length": 1, "help_text": "no link twice", **options})

    def run_validation(self, data: Any = empty) -> Any:
        links = super().run_validation(data)
        repeated: Any = {
            number: [f"The same link as {self.field_name}.{links.index(link)}."]
            for number, link in enumerate(links)
            if links.index(link) < number
        }
        if repeated:
            raise serializers.ValidationError(repeated)
        return links


class JarIdField(PatternField):
    """The id of a cookie jar; whether the caller has it, the domain decides."""

    pattern = "^cookie_[0-9a-f]{12,32}$"

    def __init__(self, **options: Any) -> None:
        super().__init__(**{"max_length": 40, **options})


class CursorField(serializers.RegexField):
    """Where a page of a list begins."""

    def __init__(self, **options: Any) -> None:
        error: dict[str, Any] = {"invalid": NOT_A_CURSOR}
        meaning = "from `next` or `previous`"
        super().__init__(f"^{CURSOR}$", required=False, help_text=meaning, error_messages=error, **options)


class StrictSerializer(serializers.Serializer[Any]):
    """Refuses unknown fields by name: a typo must not be ignored in silence. For bodies; without `form_fields`, for
    queries, whose parameters stand there once and are never taken for the empty fields of a form.
    """

    form_fields = frozenset({"csrfmiddlewaretoken"})  # what forms may have besides

    def to_internal_value(self, data: Any) -> Any:
        if isinstance(data, QueryDict) and not self.form_fields:
            data = _once(data)
        elif isinstance(data, QueryDict) and not self.form_fields & data.keys():
            data = _sent(data, self.fields)
        ignored = self.form_fields if isinstance(data, QueryDict) else frozenset()
        problems: dict[str, list[str]] = {}
        if isinstance(data, Mapping):
            too_long = _too_long(data, self.fields)
            problems = _unknown(set(data) - ignored, set(self.fields)) | too_long
            if too_long:
                data = {name: value for name, value in data.items() if name not in too_long}
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


class NoQuery(StrictSerializer):
    """The query of a list that has no filters and no pages: nothing."""

    form_fields = frozenset()


def _once(query: QueryDict) -> dict[str, str]:
    given = {name: str(value) for name, value in query.items()}
    problems = {name: ["This is not text in UTF-8."] for name, value in given.items() if REPLACEMENT in value}
    problems |= {name: ["Give this once."] for name, values in query.lists() if len(values) > 1}
    if problems:
        raise serializers.ValidationError(problems)
    return given


def _sent(form: QueryDict, fields: Mapping[str, serializers.Field[Any, Any, Any, Any]]) -> dict[str, Any]:
    """A program's form as the JSON it stands for. Only a browser leaves a box out to say that it is not ticked.

    A form has no null but the word.
    """
    lists = {name for name, field in fields.items() if isinstance(field, serializers.ListField)}
    nullable = {name for name, field in fields.items() if field.allow_null}
    sent = {name: form.getlist(name) if name in lists else form[name] for name in form if form[name] != ""}
    return {name: None if name in nullable and value == "null" else value for name, value in sent.items()}


def _too_long(
    data: Mapping[str, Any], fields: Mapping[str, serializers.Field[Any, Any, Any, Any]]
) -> dict[str, list[str]]:
    """Lists beyond their limit, before the framework tells what is wrong with each of a million entries."""
    limits = {name: field for name, field in fields.items() if isinstance(field, serializers.ListField)}
    return {
        name: [str(field.error_messages["max_length"]).format(max_length=field.max_length)]
        for name, field in limits.items()
        if isinstance(data.get(name), list) and field.max_length and len(data[name]) > field.max_length
    }


def _unknown(given: set[str], known: set[str]) -> dict[str, list[str]]:
    """The first of them by name: looking for what was meant takes time."""
    problems, names = {}, sorted(given - known)
    if len(names) > MOST_UNKNOWN:
        problems["non_field_errors"] = [f"There are {len(names) - MOST_UNKNOWN} more fields that are not known."]
    for name in names[:MOST_UNKNOWN]:
        close = get_close_matches(name, known, n=1)
        problems[name] = [f"There is no such field. Did you mean {close[0]}?" if close else "There is no such field."]
    return problems


def _as_dict(detail: Any) -> dict[str, Any]:
    return detail if isinstance(detail, dict) else {"non_field_errors": detail}
