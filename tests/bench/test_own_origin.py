"""The origin for machines without nginx."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from bench.origin import free_port
from bench.own_origin import asked_span, serve

CONTENT = bytes(range(256)) * 400  # 102400 bytes


@asynccontextmanager
async def origin(directory: Path) -> AsyncIterator[int]:
    (directory / "film.mp4").write_bytes(CONTENT)
    port = free_port()
    task = asyncio.create_task(serve(port, directory))
    await asyncio.sleep(0.1)
    try:
        yield port
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def ask(port: int, request: str) -> tuple[str, bytes]:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(f"{request}\r\n\r\n".encode())
    head, _, body = (await reader.read()).partition(b"\r\n\r\n")
    writer.close()
    return head.decode(), body


async def answer(directory: Path, request: str) -> tuple[str, bytes]:
    async with origin(directory) as port:
        return await ask(port, request)


def test_a_film_is_served_under_any_number(tmp_path: Path) -> None:
    head, body = asyncio.run(answer(tmp_path, "GET /0/film-17.mp4 HTTP/1.1"))

    assert head.startswith("HTTP/1.1 200")
    assert body == CONTENT


def test_a_range_is_served(tmp_path: Path) -> None:
    head, body = asyncio.run(answer(tmp_path, "GET /0/film-17.mp4 HTTP/1.1\r\nRange: bytes=100-199"))

    assert head.startswith("HTTP/1.1 206")
    assert "Content-Range: bytes 100-199/102400" in head
    assert body == CONTENT[100:200]


def test_head_has_no_body(tmp_path: Path) -> None:
    head, body = asyncio.run(answer(tmp_path, "HEAD /0/film-17.mp4 HTTP/1.1"))

    assert "Content-Length: 102400" in head
    assert body == b""


@pytest.mark.parametrize("path", ["/0/other-1.mp4", "/0/film.mp4", "/0/../film-1.mp4", "/"])
def test_anything_else_is_not_found(tmp_path: Path, path: str) -> None:
    head, _ = asyncio.run(answer(tmp_path, f"GET {path} HTTP/1.1"))

    assert head.startswith("HTTP/1.1 404")


def test_a_rate_is_kept(tmp_path: Path) -> None:
    begun = time.monotonic()

    _, body = asyncio.run(answer(tmp_path, "GET /200000/film-17.mp4 HTTP/1.1"))

    assert body == CONTENT
    assert 0.45 < time.monotonic() - begun < 3


@pytest.mark.parametrize(
    ("first", "last", "expected"), [("0", "", (0, 9)), ("3", "5", (3, 5)), ("3", "99", (3, 9)), ("99", "", (9, 9))]
)
def test_spans_are_cut_to_the_file(first: str, last: str, expected: tuple[int, int]) -> None:
    assert asked_span(first, last, 10) == expected
