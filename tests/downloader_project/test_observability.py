import io
import json
import logging
import logging.config
from collections.abc import Iterator

import pytest
import structlog
from django.http import HttpResponse
from django.test import Client
from django.utils.log import log_response

from downloader_project.observability import is_not_a_silent_client, logging_config


@pytest.fixture
def written() -> Iterator[io.StringIO]:
    """What the service's own handler writes, as JSON."""
    before = structlog.get_config()
    config = logging_config(level="INFO", log_format="json", environment="staging")
    configurator = logging.config.DictConfigurator(config)
    handler = logging.StreamHandler(io.StringIO())
    handler.setFormatter(configurator.configure_formatter(config["formatters"]["line"]))
    logging.getLogger().addHandler(handler)
    yield handler.stream
    logging.getLogger().removeHandler(handler)
    structlog.configure(**before)


@pytest.mark.django_db
@pytest.mark.parametrize("path", ["/files/cGF5bG9hZA:c2lnbmF0dXJl/a.mp4", "/files/cGF5bG9hZA:c2lnbmF0dXJl"])
def test_a_file_links_token_is_never_logged(client: Client, written: io.StringIO, path: str) -> None:
    client.get(path)

    (line,) = [line for line in written.getvalue().splitlines() if '"event": "request"' in line]
    assert "c2lnbmF0dXJl" not in line
    assert json.loads(line)["path"].startswith("/files/***")


def test_no_librarys_line_shows_a_file_links_token(written: io.StringIO) -> None:
    logging.getLogger("django.request").error("%s: %s", "Internal Server Error", "/files/cGF5bG9hZA:c2ln/a.mp4")

    assert json.loads(written.getvalue())["event"] == "Internal Server Error: /files/***/a.mp4"


def test_every_line_names_the_installation(written: io.StringIO) -> None:
    logging.getLogger("a.library").warning("something")
    structlog.get_logger("ours").warning("something else")

    assert [json.loads(line)["environment"] for line in written.getvalue().splitlines()] == ["staging", "staging"]


@pytest.mark.parametrize(("error", "is_written"), [(TimeoutError, False), (BlockingIOError, False), (OSError, True)])
def test_clients_that_were_cut_off_are_no_news(error: type[OSError], is_written: bool) -> None:
    record = logging.LogRecord("gunicorn.error", logging.ERROR, "", 1, "Socket error", None, (error, error(), None))

    assert is_not_a_silent_client(record) is is_written


def test_answers_that_were_meant_are_no_errors_of_the_service(written: io.StringIO) -> None:
    for status in (502, 503, 507, 500):
        log_response("Answered %s", status, response=HttpResponse(status=status))

    assert [json.loads(line)["event"] for line in written.getvalue().splitlines()] == ["Answered 500"]
