"""Requests that can be read in two ways, and headers that pretend to come from a proxy: real gunicorn."""

from collections.abc import Iterator

import pytest

from tests.downloader_project.test_web_server import Server, running

pytestmark = pytest.mark.slow

HEAD = "Host: localhost\r\nConnection: close\r\n"
POST = f"POST /api/v1/download HTTP/1.1\r\n{HEAD}"
HIDDEN = "GET /version HTTP/1.1\r\nHost: localhost\r\n\r\n"
LISTED = {
    *("content-security-policy", "permissions-policy", "referrer-policy", "x-content-type-options", "x-frame-options"),
    *("x-request-id", "x-xss-protection"),
}

AMBIGUOUS = {
    "a length and chunks": f"{POST}Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n{HIDDEN}",
    "two lengths": f"{POST}Content-Length: 4\r\nContent-Length: 5\r\n\r\nabcde",
    "a length with a sign": f"{POST}Content-Length: +4\r\n\r\nabcd",
    "a length below nothing": f"{POST}Content-Length: -1\r\n\r\n",
    "a length in parts": f"{POST}Content-Length: 1_0\r\n\r\nabcdeabcde",
    "a length in hex": f"{POST}Content-Length: 0x4\r\n\r\nabcd",
    "something like chunks": f"{POST}Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n{HIDDEN}",
    "chunks and then something else": f"{POST}Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n{HIDDEN}",
    "chunks twice": f"{POST}Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n{HIDDEN}",
    "chunks of an old version": f"{POST.replace('1.1', '1.0')}Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n{HIDDEN}",
    "a blank before the colon": f"GET /version HTTP/1.1\r\n{HEAD}X-A : b\r\n\r\n",
    "a folded header": f"GET /version HTTP/1.1\r\n{HEAD}X-A: b\r\n c\r\n\r\n",
    "a header with a NUL": f"GET /version HTTP/1.1\r\n{HEAD}X-A: b\0c\r\n\r\n",
    "a header with a lone CR": f"GET /version HTTP/1.1\r\n{HEAD}X-A: b\rX-C: d\r\n\r\n",
    "two hosts": f"GET /version HTTP/1.1\r\n{HEAD}Host: evil.example\r\n\r\n",
    "lines that end without CR": HIDDEN.replace("\r", ""),
    "the line of another protocol": f"PROXY TCP4 8.8.8.8 127.0.0.1 1 2\r\n{HIDDEN}",
    "the next version's beginning": "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "a version that there is not": f"GET /version HTTP/3.9\r\n{HEAD}\r\n",
    "two schemes": f"GET /version HTTP/1.1\r\n{HEAD}X-Forwarded-Proto: https\r\nX-Forwarded-Protocol: http\r\n\r\n",
}
# This server is on loopback, where gunicorn by itself takes every client for a proxy.
PRETENDED = {
    "where the application stands": "SCRIPT_NAME: /evil",
    "another path": "PATH_INFO: /api/v1/download",
    "who is signed in": "REMOTE_USER: admin",
    "where the client is": "REMOTE_ADDR: 8.8.8.8",
    "another method": "X-HTTP-Method-Override: DELETE",
    "another address": "X-Original-URL: /admin/",
    "another host": "X-Forwarded-Host: evil.example",
    "another prefix": "X-Forwarded-Prefix: /evil",
    "another place of the application": "X-Script-Name: /evil",
}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with running(tmp_path_factory.mktemp("web")) as server:
        yield server


def head_of(answer: str) -> tuple[str, dict[str, str]]:
    """The status line's number, and the headers."""
    first, *lines = answer.partition("\r\n\r\n")[0].split("\r\n")
    return first.split(" ")[1], {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)}


@pytest.mark.parametrize("request_", AMBIGUOUS.values(), ids=AMBIGUOUS.keys())
def test_what_could_be_read_in_two_ways_is_not_read(request_: str, server: Server) -> None:
    answer = server.answer(request_)

    status, headers = head_of(answer)
    assert status in ("400", "505")
    assert answer.count("HTTP/1.1 ") == 1
    assert headers.keys() >= LISTED


@pytest.mark.parametrize("header", PRETENDED.values(), ids=PRETENDED.keys())
@pytest.mark.parametrize("path", ["/", "/evil/", "/accounts/login", "/evil/accounts/login"])
def test_no_header_changes_what_is_asked_for_or_where_links_lead(path: str, header: str, server: Server) -> None:
    plain = server.answer(f"GET {path} HTTP/1.1\r\n{HEAD}Accept: text/html\r\n\r\n")

    pretended = server.answer(f"GET {path} HTTP/1.1\r\n{HEAD}Accept: text/html\r\n{header}\r\n\r\n")

    assert head_of(pretended)[0] == head_of(plain)[0]
    assert head_of(pretended)[1].get("location") == head_of(plain)[1].get("location")
    assert "/evil/static" not in pretended
    assert "evil.example" not in pretended
