import json
import re
from io import StringIO
from typing import Any

import pytest
from django.conf import settings as service
from django.core.management import call_command
from pytest_django import Settings
from rest_framework.test import APIClient

from jobs.engine import options, templates
from media_api.errors import Code

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


def test_each_address_is_described_once(description: dict[str, Any]) -> None:
    assert set(description["paths"]) == {
        "/api/v1/download",
        "/api/v1/download/{public_id}",
        "/api/v1/download/{public_id}/logs",
        "/api/v1/download/{public_id}/pause",
        "/api/v1/download/{public_id}/resume",
        "/api/v1/download/{public_id}/retry",
        "/api/v1/health",
        "/api/v1/readyz",
        "/version",
        "/files/{token}/{name}",
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
        if name != "get /files/{token}/{name}":
            success = min(operation["responses"])
            assert operation["responses"][success]["content"]["application/json"]["examples"], name


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
        "QUOTA_EXCEEDED",
        "METADATA_EXTRACTION_FAILED",
        "DOWNLOAD_FAILED",
        "EXTRACTION_TIMEOUT",
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
    assert fields["path_template"]["default"] == "videos/{safe_title}-{id}.{ext}"
    assert description["components"]["schemas"]["DownloadRequest"]["required"] == ["url"]


@pytest.mark.parametrize("path", PAGES)
def test_the_pages_are_open(anonymous: APIClient, path: str) -> None:
    assert anonymous.get(path).status_code == 200


@pytest.mark.parametrize("method", ["options", "post", "put"])
@pytest.mark.parametrize("path", PAGES)
def test_the_pages_can_only_be_read(anonymous: APIClient, path: str, method: str) -> None:
    response = getattr(anonymous, method)(path)

    assert response.status_code == 405
    assert set(response["Allow"].split(", ")) == {"GET", "HEAD"}
    assert anonymous.head(path).status_code == 200


@pytest.mark.parametrize("path", PAGES)
def test_disabled_pages_are_not_found(anonymous: APIClient, settings: Settings, path: str) -> None:
    settings.DISABLE_DOCS = True

    assert anonymous.get(path).status_code == 404


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
