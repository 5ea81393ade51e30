import json
import re
from collections.abc import Iterator
from io import StringIO
from typing import Any

import pytest
from django.conf import settings as service
from django.core.management import call_command
from pytest_django import Settings
from rest_framework.test import APIClient

from jobs.engine import options, rules, templates
from jobs.selection import check_items
from media_api.errors import Code
from tests.media_api.test_errors import error_of

PAGES = ["/openapi.json", "/docs", "/redoc", "/openapi.json/", "/docs/", "/redoc/"]


@pytest.fixture(scope="module")
def description() -> dict[str, Any]:
    out = StringIO()
    call_command("spectacular", "--validate", "--fail-on-warn", "--format", "openapi-json", stdout=out)
    return dict(json.loads(out.getvalue()))


def operations(description: dict[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    return [
        (f"{method} {path}", operation)
        for path, methods in description["paths"].items()
        for method, operation in methods.items()
    ]


def schemas_within(part: Any) -> Iterator[dict[str, Any]]:
    """Every object of the description."""
    if isinstance(part, dict):
        yield part
    for inner in part.values() if isinstance(part, dict) else part if isinstance(part, list) else ():
        yield from schemas_within(inner)


def test_each_address_is_described_once(description: dict[str, Any]) -> None:
    assert set(description["paths"]) == {
        "/api/v1/download",
        "/api/v1/download/{public_id}",
        "/api/v1/download/{public_id}/extend",
        "/api/v1/download/{public_id}/logs",
        "/api/v1/download/{public_id}/pause",
        "/api/v1/download/{public_id}/resume",
        "/api/v1/download/{public_id}/retry",
        "/api/v1/archive",
        "/api/v1/archive/{extractor}/{video_id}",
        "/api/v1/batch",
        "/api/v1/batch/download",
        "/api/v1/batch/{public_id}",
        "/api/v1/batch/{public_id}/retry",
        "/api/v1/channel/download",
        "/api/v1/channel/info",
        "/api/v1/playlist/download",
        "/api/v1/playlist/preview",
        "/api/v1/cookies",
        "/api/v1/cookies/{public_id}",
        "/api/v1/cookies/{public_id}/test",
        "/api/v1/formats",
        "/api/v1/metadata",
        "/api/v1/metadata/batch",
        "/api/v1/metadata/batch/{public_id}",
        "/api/v1/quota",
        "/api/v1/webhooks",
        "/api/v1/webhooks/deliveries",
        "/api/v1/webhooks/deliveries/{public_id}",
        "/api/v1/webhooks/deliveries/{public_id}/redeliver",
        "/api/v1/webhooks/signing-secret",
        "/api/v1/webhooks/signing-secret/rotate",
        "/api/v1/webhooks/{public_id}",
        "/api/v1/webhooks/{public_id}/deliveries",
        "/api/v1/webhooks/{public_id}/rotate-secret",
        "/api/v1/webhooks/{public_id}/test",
        "/api/v1/health",
        "/api/v1/health/stats",
        "/api/v1/metrics",
        "/api/v1/readyz",
        "/version",
        "/download",
        "/downloads/{public_id}",
        "/downloads/{public_id}/logs",
        "/files/{token}/{name}",
        "/files/shared/{token}/{name}",
    }


def test_every_operation_documents_errors_with_examples(description: dict[str, Any]) -> None:
    for name, operation in operations(description):
        errors = {status: answer for status, answer in operation["responses"].items() if status >= "400"}
        assert "500" in errors, name
        for status, answer in errors.items():
            content = answer["content"]["application/json"]
            assert content["schema"] == {"$ref": "#/components/schemas/ErrorEnvelope"}, (name, status)
            assert content.get("examples") or content.get("example"), (name, status)


def test_every_operation_has_an_example_of_success_and_says_what_it_is(description: dict[str, Any]) -> None:
    for name, operation in operations(description):
        assert operation["summary"], name
        if not name.startswith("get /files/"):
            success = min(operation["responses"])
            content = operation["responses"][success]["content"]
            assert content.get("application/json", content.get("text/plain", {})).get("examples"), name


def test_every_answer_is_an_object(description: dict[str, Any]) -> None:
    """Lists stand in a field. Of a view called `list` the schema's generator says otherwise, unless told."""
    for name, operation in operations(description):
        for status, answer in operation["responses"].items():
            for content in answer.get("content", {}).values():
                assert content["schema"].get("type") != "array", (name, status)


def test_limited_operations_document_the_limit(description: dict[str, Any]) -> None:
    for name, operation in operations(description):
        if "/api/v1/download" in name:
            assert {"401", "403", "429"} <= operation["responses"].keys(), name
            assert "Retry-After" in operation["responses"]["429"]["headers"]
            assert "X-RateLimit-Remaining" in operation["responses"]["429"]["headers"]


def test_the_code_list_is_closed_and_explained(description: dict[str, Any]) -> None:
    schemas = description["components"]["schemas"]

    assert set(schemas["CodeEnum"]["enum"]) == set(Code)
    assert all(f"`{code}`" in description["info"]["description"] for code in Code)


def test_codes_that_nothing_answers_with_yet_are_marked(description: dict[str, Any]) -> None:
    marked = [line for line in description["info"]["description"].splitlines() if line.endswith("with it yet.*")]

    assert [re.findall(r"`(\w+)`", line)[0] for line in marked] == [
        "DOWNLOAD_FAILED",
    ]


def test_the_documented_bounds_are_those_of_the_engine_and_the_queue(description: dict[str, Any]) -> None:
    fields = description["components"]["schemas"]["DownloadRequest"]["properties"]

    assert fields["custom_format"]["maxLength"] == options.MAX_SELECTOR_CHARACTERS
    assert fields["path_template"]["maxLength"] == templates.MAX_TEMPLATE_CHARACTERS
    assert fields["timeout_sec"]["maximum"] == service.LONGEST_JOB_SECONDS < service.Q_CLUSTER["timeout"]
    assert "YTDLP_TIMEOUT" in fields["timeout_sec"]["description"]


def test_the_examples_show_this_version(description: dict[str, Any]) -> None:
    examples = description["paths"]["/version"]["get"]["responses"]["200"]["content"]["application/json"]["examples"]

    assert [example["value"]["version"] for example in examples.values()] == [service.VERSION]


def test_the_documented_defaults_are_those_of_the_contract(description: dict[str, Any]) -> None:
    fields = description["components"]["schemas"]["DownloadRequest"]["properties"]

    assert fields["video_format"]["default"] == "mp4"
    assert fields["audio_quality"]["default"] == "192"
    assert fields["subtitle_languages"]["default"] == ["en"]
    assert fields["timeout_sec"]["default"] == 1800
    assert fields["timeout_sec"]["nullable"] is True
    assert fields["path_template"]["default"] == "videos/{safe_title}-{id}.{ext}"
    assert description["components"]["schemas"]["DownloadRequest"]["required"] == ["url"]


def test_bodies_that_refuse_unknown_fields_say_so(description: dict[str, Any]) -> None:
    schemas = description["components"]["schemas"]
    open_ones = {"OldDownloadRequestRequest"}  # whose clients always sent more

    requests = {name for name in schemas if name.endswith("Request")} - open_ones
    assert len(requests) > 10
    assert {name for name in requests if schemas[name].get("additionalProperties") is not False} == set()


def test_what_may_be_null_says_so_to_strict_readers(description: dict[str, Any]) -> None:
    nullable = [one for one in schemas_within(description) if one.get("nullable") and "type" not in one]

    alternatives = [one.get("oneOf") for one in nullable if one.keys() - {"nullable", "readOnly", "description"}]
    assert len(alternatives) > 10
    assert [one for one in alternatives if {"$ref": "#/components/schemas/NullEnum"} not in (one or ())] == []


def test_defaults_fit_their_own_description(description: dict[str, Any]) -> None:
    with_default = [one for one in schemas_within(description) if isinstance(one.get("default"), str)]

    assert len(with_default) > 10
    assert [one for one in with_default if not re.search(one.get("pattern", ""), one["default"])] == []


def test_nothing_fits_two_alternatives(description: dict[str, Any]) -> None:
    empty_texts = [
        one["oneOf"]
        for one in schemas_within(description)
        if {"type": "string", "maxLength": 0} in one.get("oneOf", ())
    ]

    assert empty_texts
    assert [one for one in empty_texts if re.search(one[0].get("pattern", "^."), "")] == []


def test_files_have_any_media_type(description: dict[str, Any]) -> None:
    answers = description["paths"]["/files/{token}/{name}"]["get"]["responses"]

    assert [list(answers[status]["content"]) for status in ("200", "206")] == [["*/*"], ["*/*"]]


@pytest.mark.parametrize(
    "link",
    [
        *("https://media.example.org/watch/42?v=1&t=2#here", "HTTP://localhost:8000", "http://127.0.0.1:9000/a b.mp4"),
        *("https://a.b.c.d.e.example.co.uk.", "http://my_host.example/", "http://[2001:db8:0:0:0:0:0:1]:8080/x"),
        *("https://xn--bcher-kva.example/", "http://a?b", "https://example.org/\u65e5\u672c"),
    ],
)
def test_the_form_of_links_covers_what_people_paste(description: dict[str, Any], api: APIClient, link: str) -> None:
    form = description["components"]["schemas"]["DownloadRequest"]["properties"]["url"]["pattern"]

    assert re.search(form, link)
    assert api.post("/api/v1/download", {"url": link}, format="json").status_code == 202


def test_the_form_of_times_is_the_range_that_is_taken(description: dict[str, Any]) -> None:
    number, text, _ = description["components"]["schemas"]["DownloadRequest"]["properties"]["clip_end"]["oneOf"]

    assert number["maximum"] == rules.seconds("359999") == rules.seconds("99:59:59")
    assert re.search(text["pattern"], "359999")
    assert re.search(text["pattern"], "000007")
    assert not re.search(text["pattern"], "360000")


@pytest.mark.parametrize("items", ["1-10,15", "1-10, 15", "-3:", "::2", "3-", "1-inf", "10:1:-1", ":", "+1:5"])
def test_the_form_of_items_covers_what_is_taken(description: dict[str, Any], items: str) -> None:
    form = description["components"]["schemas"]["PlaylistRequest"]["properties"]["items"]["pattern"]

    check_items(items.replace(" ", ""))
    assert re.search(form, items)
    assert not re.search(form, f"{items};")


@pytest.mark.parametrize(
    "link",
    [
        *("http://", "http:///a", "ftp://a.example/", "http://a..example/", "http://a:b@c/"),
        *("http://a.example/b\x0cc", "http://a.example/b\x85c", "http://a.example?\x7f/"),
    ],
)
def test_the_form_of_links_forbids_what_is_refused(description: dict[str, Any], api: APIClient, link: str) -> None:
    form = description["components"]["schemas"]["DownloadRequest"]["properties"]["url"]["pattern"]

    assert not re.search(form, link)
    assert api.post("/api/v1/download", {"url": link}, format="json").status_code == 422


@pytest.mark.parametrize("path", PAGES)
def test_the_pages_are_open(anonymous: APIClient, path: str) -> None:
    assert anonymous.get(path).status_code == 200


@pytest.mark.parametrize("method", ["options", "post", "put"])
@pytest.mark.parametrize("path", PAGES)
def test_the_pages_can_only_be_read(anonymous: APIClient, path: str, method: str) -> None:
    response = getattr(anonymous, method)(path)

    assert error_of(response, 405)["code"] == "METHOD_NOT_ALLOWED"
    assert set(response["Allow"].split(", ")) == {"GET", "HEAD"}
    assert anonymous.head(path).status_code == 200


@pytest.mark.parametrize("path", PAGES)
def test_disabled_pages_are_not_found(anonymous: APIClient, settings: Settings, path: str) -> None:
    settings.DISABLE_DOCS = True

    assert error_of(anonymous.get(path), 404)["code"] == "NOT_FOUND"


@pytest.mark.parametrize("path", ["/docs", "/redoc"])
def test_the_pages_load_nothing_from_elsewhere_and_run_nothing_inline(anonymous: APIClient, path: str) -> None:
    response = anonymous.get(path)
    page = response.content.decode()

    assert "//" not in "".join(re.findall(r'(?:src|href)="([^"]*)"', page))
    assert not re.search(r"<script(?![^>]*\bsrc=)", page)
    assert "script-src" not in response["Content-Security-Policy"]
    assert ("unsafe-inline" in response["Content-Security-Policy"]) is (path == "/redoc")
    assert "<style" not in page


def test_the_script_of_the_docs_is_a_file_of_its_own(anonymous: APIClient) -> None:
    response = anonymous.get("/docs?script=")

    assert response["Content-Type"].startswith("application/javascript")
    assert b"openapi.json" in response.content


def test_the_ids_that_answers_give_lead_to_the_calls_that_take_them(description: dict[str, Any]) -> None:
    by_id = {operation["operationId"]: operation for _, operation in operations(description)}
    links = [
        link
        for operation in by_id.values()
        for answer in operation["responses"].values()
        for link in answer.get("links", {}).values()
    ]
    led_to = {link["operationId"] for link in links}

    for link in links:
        parameters = by_id[link["operationId"]]["parameters"]
        assert link["parameters"].keys() == {one["name"] for one in parameters if one["in"] == "path"}, link
    shown = {operation["operationId"] for name, operation in operations(description) if name.endswith("{public_id}")}
    assert shown - led_to == {"cancel_batch", "cancel_download", "cancel_metadata_batch", "get_delivery"}
