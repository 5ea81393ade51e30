"""What the log could tell by the way: tokens in addresses, and the variables of pages, at its most talkative."""

import io
import json
import logging
import logging.config
from collections.abc import Iterator
from datetime import timedelta

import pytest
import structlog
from django.template import Context, Template
from django.test import Client

from accounts import keys
from accounts.models import User
from downloader_project.observability import logging_config
from jobs import shares
from jobs.states import State
from tests.factories import make_file, make_job

TOKEN = "c2VjcmV0LXRva2Vu"


@pytest.fixture
def written() -> Iterator[io.StringIO]:
    """What the service's own handler writes with LOG_LEVEL=DEBUG."""
    before, levels = structlog.get_config(), {name: logging.getLogger(name).level for name in ("", "django.template")}
    config = logging_config(level="DEBUG", log_format="json", environment="staging")
    configurator = logging.config.DictConfigurator(config)
    handler = logging.StreamHandler(io.StringIO())
    handler.setFormatter(configurator.configure_formatter(config["formatters"]["line"]))
    for name in levels:
        logging.getLogger(name).setLevel(config["loggers"].get(name, config["root"])["level"])
    logging.getLogger().addHandler(handler)
    yield handler.stream
    logging.getLogger().removeHandler(handler)
    for name, level in levels.items():
        logging.getLogger(name).setLevel(level)
    structlog.configure(**before)


@pytest.mark.django_db
@pytest.mark.parametrize(
    "path",
    [
        f"/s/{TOKEN}",
        f"/files/shared/{TOKEN}/a.mp4",
        f"/files/shared/{TOKEN}/a.mp4/",
        f"/FILES/{TOKEN}/a.mp4",
    ],
)
def test_no_line_tells_the_token_of_a_shared_file(path: str, client: Client, written: io.StringIO) -> None:
    client.get(path)

    assert "***" in written.getvalue()
    assert TOKEN not in written.getvalue()


def test_no_librarys_line_tells_the_token_of_a_shared_file(written: io.StringIO) -> None:
    logging.getLogger("django.request").error("%s: %s", "Internal Server Error", f"/s/{TOKEN}")

    assert json.loads(written.getvalue())["event"] == "Internal Server Error: /s/***"


def test_what_a_page_shows_once_is_not_written_when_it_lacks_a_variable(written: io.StringIO) -> None:
    """Django tells of such variables, with everything else that the page was given."""
    Template("{{ issued.nothing }}{{ nothing.at.all }}").render(Context({"issued": {"secret": TOKEN}}))

    assert TOKEN not in written.getvalue()


def test_what_was_issued_does_not_show_its_secret(owner: User) -> None:
    key = keys.issue(owner, "a program")
    share = shares.issue(make_file(make_job(owner, State.COMPLETED)), timedelta(hours=1))

    assert key.secret not in f"{key!r} {key} {key.key!r}"
    assert share.token not in f"{share!r} {share} {share.link!r}"
