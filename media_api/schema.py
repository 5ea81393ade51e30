"""The API's OpenAPI description: the errors and headers that every operation has. The pages that show it are views."""

from typing import Any, Literal

from django.conf import settings
from drf_spectacular.extensions import OpenApiAuthenticationExtension, OpenApiSerializerFieldExtension
from drf_spectacular.openapi import AutoSchema
from drf_spectacular.plumbing import force_instance
from drf_spectacular.utils import OpenApiExample, OpenApiParameter, OpenApiResponse
from rest_framework import serializers
from rest_framework.fields import empty

from jobs.engine.contract import FailureCode
from media_api.errors import MEANINGS, Code
from media_api.serializers.base import StrictSerializer

ERROR_CODES = "Errors look alike everywhere. `code` is one of:\n\n" + "\n".join(
    f"- `{code}` ({', '.join(map(str, meaning.statuses))}): {meaning.text}"
    + (" *Reserved: no call answers with it yet.*" if meaning.is_reserved else "")
    for code, meaning in MEANINGS.items()
)
IDEMPOTENCY_KEY = OpenApiParameter(
    "Idempotency-Key",
    {"type": "string", "pattern": "^[!-~]{1,255}$"},
    OpenApiParameter.HEADER,
    description="1 to 255 visible ASCII characters. The same request with the same key is done once; a repetition "
    "within 24 hours gets the first answer again, with the header `Idempotent-Replayed: true`. "
    "Callers without an API key are told apart by their address.",
)
CODES = [code.value for code in Code]
FAILURE_CODES = [code.value for code in FailureCode]
Direction = Literal["request", "response"]
ALWAYS = {"X-Request-ID": ("string", "names this call in logs; the caller's own is kept when it is a sane token")}
LIMITED = {
    "X-RateLimit-Limit": ("integer", "calls in the window that is closest to its end of calls"),
    "X-RateLimit-Remaining": ("integer", "calls left in it"),
    "X-RateLimit-Reset": ("integer", "when it ends, as Unix time"),
}
NULL = {"$ref": "#/components/schemas/NullEnum"}
RETRY = {"Retry-After": ("integer", "seconds to wait")}


class ErrorDetail(serializers.Serializer[Any]):
    """What is wrong with one field."""

    field = serializers.CharField()
    message = serializers.CharField()
    code = serializers.ChoiceField(FAILURE_CODES, required=False, help_text="of a page that could not be read")


class ErrorBody(serializers.Serializer[Any]):
    """An error. Clients decide by `code` and show `message`."""

    code = serializers.ChoiceField(CODES)
    message = serializers.CharField()
    request_id = serializers.CharField()
    details = ErrorDetail(many=True, required=False)


class ErrorEnvelope(serializers.Serializer[Any]):
    """How every error is answered."""

    error = ErrorBody()


class Schema(AutoSchema):
    """Adds to every operation the errors it can give and the headers it always carries."""

    def get_tags(self) -> list[str]:
        tag = getattr(self.view, "tag", "")
        return [tag] if tag else list(super().get_tags())

    def _map_basic_serializer(self, serializer: Any, direction: Direction) -> Any:
        """Requests that refuse unknown fields say so; lists have their defaults."""
        schema = super()._map_basic_serializer(serializer, direction)  # type: ignore[no-untyped-call]
        instance = force_instance(serializer)  # type: ignore[no-untyped-call]
        if isinstance(instance, StrictSerializer):
            schema["additionalProperties"] = False
            for name, field in instance.fields.items():
                if isinstance(field, serializers.CharField):
                    schema["properties"][name].setdefault("pattern", _plain_text(field))
        for name, field in instance.fields.items():
            default: Any = field.default
            if isinstance(field, serializers.ListField) and default is not empty:
                schema["properties"][name]["default"] = default()
        return schema

    def _get_response_bodies(self, direction: Direction = "response") -> dict[str, Any]:
        bodies: dict[str, Any] = super()._get_response_bodies(direction)
        by_status: dict[str, list[Code]] = {}
        for number, code in self._errors():
            by_status.setdefault(str(number), []).append(code)
        for status, codes in sorted(by_status.items()):
            error = _error_response(status, codes)
            bodies[status] = self._get_response_for_code(error, status, None, direction)  # type: ignore[no-untyped-call]
        return bodies

    def _get_response_headers_for_code(self, status_code: str, direction: Direction = "response") -> dict[str, Any]:
        headers: dict[str, Any] = super()._get_response_headers_for_code(status_code, direction)
        limited = LIMITED if self.view.get_throttles() else {}
        known = ALWAYS | limited | (RETRY if status_code in ("429", "503") else {})
        described = {
            name: {"schema": {"type": kind}, "description": meaning} for name, (kind, meaning) in known.items()
        }
        return headers | described

    def _errors(self) -> list[tuple[int, Code]]:
        """Status and code of everything that can go wrong with the operation."""
        codes = [Code.INTERNAL_SERVER_ERROR, Code.NOT_ACCEPTABLE, Code.BAD_REQUEST]
        if self.view.get_throttles():
            codes.append(Code.RATE_LIMIT_EXCEEDED)
        if self.view.get_authenticators():
            codes += [Code.AUTHENTICATION_REQUIRED, Code.INVALID_API_KEY, Code.FORBIDDEN, Code.SERVICE_UNAVAILABLE]
        if "{" in self.path:
            codes.append(getattr(self.view, "missing", Code.JOB_NOT_FOUND))
        if self.method == "POST":
            codes += [Code.CONFLICT, Code.VALIDATION_ERROR, Code.PAYLOAD_TOO_LARGE, Code.UNSUPPORTED_MEDIA_TYPE]
        codes += getattr(self.view, "can_fail_with", {}).get(getattr(self.view, "action", None), ())
        further = {
            "POST": ((400, Code.VALIDATION_ERROR), (507, Code.QUOTA_EXCEEDED)),
            "GET": ((414, Code.BAD_REQUEST),),
        }
        return [(MEANINGS[code].statuses[0], code) for code in codes] + [
            (status, code) for status, code in further.get(self.method, ()) if code in codes
        ]


def _plain_text(field: Any) -> str:
    """Databases take no NUL, and spaces alone are nothing."""
    return r"^[^\x00]*$" if field.allow_blank or not field.trim_whitespace else r"^[^\x00]*[^\s\x00][^\x00]*$"


class PatternFieldExtension(OpenApiSerializerFieldExtension):  # type: ignore[no-untyped-call]
    target_class = "media_api.serializers.base.PatternField"
    match_subclasses = True

    def map_serializer_field(self, auto_schema: AutoSchema, direction: Direction) -> dict[str, Any]:
        """The form: what does not exist, cannot be reached or is not allowed here, no pattern tells."""
        longest = {"maxLength": self.target.max_length} if self.target.max_length else {}
        return {"type": "string", "pattern": self.target.pattern, **longest}


class LinksFieldExtension(OpenApiSerializerFieldExtension):  # type: ignore[no-untyped-call]
    target_class = "media_api.serializers.base.LinksField"

    def map_serializer_field(self, auto_schema: AutoSchema, direction: Direction) -> dict[str, Any]:
        child = auto_schema._map_serializer_field(self.target.child, direction)  # type: ignore[no-untyped-call]
        return {"type": "array", "items": child, "minItems": 1, "uniqueItems": True}


class ApiKeyScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    target_class = "accounts.authentication.ApiKeyAuthentication"
    name = ["apiKey", "bearer"]

    def get_security_definition(self, auto_schema: AutoSchema) -> list[dict[str, str]]:
        return [{"type": "apiKey", "in": "header", "name": "X-API-Key"}, {"type": "http", "scheme": "bearer"}]

    def get_security_requirement(self, auto_schema: AutoSchema) -> list[dict[str, list[Any]]]:
        """Either header will do."""
        return [{"apiKey": []}, {"bearer": []}]


class SessionScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    target_class = "accounts.authentication.SessionAuthentication"
    name = "session"

    def get_security_definition(self, auto_schema: AutoSchema) -> dict[str, str]:
        return {"type": "apiKey", "in": "cookie", "name": settings.SESSION_COOKIE_NAME}


def without_twins(endpoints: list[tuple[Any, ...]], **kwargs: Any) -> list[tuple[Any, ...]]:
    """Every call is shown once: not with a trailing slash too, nor at the paths that are there for older clients."""
    from media_api.compat import ALIAS_PATHS  # noqa: PLC0415 - its views import this module

    return [path for path in endpoints if not path[0].endswith("/") and path[0] not in ALIAS_PATHS]


def with_error_codes(result: dict[str, Any], **kwargs: Any) -> dict[str, Any]:
    """Put the list of error codes on the description's first page."""
    result["info"]["description"] = f"{result['info'].get('description', '')}\n\n{ERROR_CODES}"
    return result


def with_nulls(result: dict[str, Any], **kwargs: Any) -> dict[str, Any]:
    """Say null as an alternative where there is no `type` beside `nullable`: strict readers then ignore that word."""
    result["components"]["schemas"]["NullEnum"] = {"enum": [None]}
    _name_null(result)
    return result


def _name_null(part: Any) -> None:
    if isinstance(part, dict) and part.get("nullable") and part.keys() & {"allOf", "oneOf"}:
        alternatives = part.pop("allOf", None) or part["oneOf"]
        part["oneOf"] = [one for one in alternatives if one != NULL] + [NULL]
    for inner in part.values() if isinstance(part, dict) else part if isinstance(part, list) else ():
        _name_null(inner)


def with_files(result: dict[str, Any], **kwargs: Any) -> dict[str, Any]:
    """Add the file links, which are no view of the framework: it would negotiate media types and read bodies."""
    names = {"token": "from `file_url`; or a file's `file_id`, then with an API key", "name": "any: the link's end"}
    parameters = [
        {"name": name, "in": "path", "required": True, "description": text, "schema": {"type": "string"}}
        for name, text in names.items()
    ] + [
        {"name": name, "in": "header", "schema": {"type": "string"}, "example": example}
        for name, example in (("Range", "bytes=0-1023"), ("If-Range", '"9f86d081"'), ("If-None-Match", '"9f86d081"'))
    ]
    result["paths"]["/files/{token}/{name}"] = {
        "get": {
            "operationId": "get_file",
            "summary": "Fetch a result",
            "description": "A signed link that needs no key and expires. HEAD works as well.",
            "tags": ["files"],
            "parameters": parameters,
            "security": [{}, {"apiKey": []}, {"bearer": []}, {"session": []}],
            "responses": _bytes() | _file_errors(),
        }
    }
    result["paths"]["/files/shared/{token}/{name}"] = {
        "get": {
            "operationId": "get_shared_file",
            "summary": "Fetch a file that its owner shares",
            "description": "By a link that the owner made in the library, and can revoke. HEAD works as well.",
            "tags": ["files"],
            "parameters": [
                {**parameter, "description": "from the shared link"} if parameter["name"] == "token" else parameter
                for parameter in parameters
            ],
            "security": [{}],
            "responses": _bytes() | _file_errors(),
        }
    }
    return result


def _bytes() -> dict[str, Any]:
    content = {"*/*": {"schema": {"type": "string", "format": "binary"}}}
    return {
        "200": {"description": "the whole file", "content": content},
        "206": {"description": "the range that was asked for", "content": content},
        "304": {"description": "the caller's copy is still good"},
    }


def _file_errors() -> dict[str, Any]:
    codes = (
        Code.BAD_REQUEST,
        Code.AUTHENTICATION_REQUIRED,
        Code.LINK_EXPIRED,
        Code.NOT_FOUND,
        Code.PRECONDITION_FAILED,
        Code.RANGE_NOT_SATISFIABLE,
        Code.INTERNAL_SERVER_ERROR,
    )
    schema = {"$ref": "#/components/schemas/ErrorEnvelope"}
    return {
        str(MEANINGS[code].statuses[0]): {
            "description": f"`{code}`: {MEANINGS[code].text}",
            "content": {"application/json": {"schema": schema, "example": _example("", code).value}},
        }
        for code in codes
    }


def _error_response(status: str, codes: list[Code]) -> OpenApiResponse:
    return OpenApiResponse(
        ErrorEnvelope,
        description=" ".join(f"`{code}`: {MEANINGS[code].text}" for code in codes),
        examples=[_example(status, code) for code in codes],
    )


def _example(status: str, code: Code) -> OpenApiExample:
    error: dict[str, Any] = {"code": code.value, "message": MEANINGS[code].text, "request_id": "b7e0f3a49d2c4c51"}
    if code == Code.VALIDATION_ERROR:
        error["details"] = [{"field": "url", "message": "A link starts with http:// or https://."}]
    if code == Code.METADATA_EXTRACTION_FAILED:
        error["details"] = [{"field": "url", "message": error["message"], "code": "not_found"}]
    return OpenApiExample(code.value, {"error": error}, response_only=True, status_codes=[status])
