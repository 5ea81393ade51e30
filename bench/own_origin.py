"""A small asynchronous file server for machines without nginx: `python -m bench.own_origin PORT DIRECTORY`.

Serves what the nginx of `origin` serves: /RATE/FILM-ANYTHING.mp4, with ranges and HEAD. For measuring only.
"""

import asyncio
import re
import sys
from pathlib import Path
from typing import IO

PATH = re.compile(r"/(?P<rate>\d+)/(?P<film>[a-z]+)-[^/]+\.mp4")
RANGE = re.compile(r"bytes=(\d+)-(\d*)")
TICKS_PER_SECOND = 20
NOT_FOUND = b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"


async def serve(port: int, directory: Path) -> None:
    """Until the task is cancelled."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await _answer(await reader.readuntil(b"\r\n\r\n"), writer, directory)
            await writer.drain()
        except (ConnectionError, asyncio.IncompleteReadError):  # the client went away, as downloaders do
            return
        finally:
            writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", port, backlog=256)
    async with server:
        await server.serve_forever()


async def _answer(request: bytes, writer: asyncio.StreamWriter, directory: Path) -> None:
    method, target, *_ = request.decode("latin-1").split()
    found = PATH.fullmatch(target)
    path = directory / f"{found['film']}.mp4" if found else None
    if found is None or path is None or not path.is_file():
        writer.write(NOT_FOUND)
        return
    with path.open("rb") as file:
        size = path.stat().st_size
        asked = RANGE.search(request.decode("latin-1"))
        first, last = asked_span(asked[1], asked[2], size) if asked else (0, size - 1)
        writer.write(_head(first, last, size, is_partial=asked is not None))
        if method != "HEAD":
            await _send(writer, file, first, last - first + 1, int(found["rate"]))


def asked_span(first: str, last: str, size: int) -> tuple[int, int]:
    """The first and the last byte that a range asks for, cut to the file."""
    return min(int(first), size - 1), min(int(last), size - 1) if last else size - 1


def _head(first: int, last: int, size: int, *, is_partial: bool) -> bytes:
    lines = [
        "HTTP/1.1 206 Partial Content" if is_partial else "HTTP/1.1 200 OK",
        "Content-Type: video/mp4",
        f"Content-Length: {last - first + 1}",
        *([f"Content-Range: bytes {first}-{last}/{size}"] if is_partial else []),
        "Accept-Ranges: bytes",
        "Connection: close",
    ]
    return "\r\n".join([*lines, "", ""]).encode()


async def _send(writer: asyncio.StreamWriter, file: IO[bytes], first: int, length: int, rate: int) -> None:
    loop = asyncio.get_running_loop()
    if not rate:
        await writer.drain()
        await loop.sendfile(writer.transport, file, first, length)
        return
    file.seek(first)
    sent, start = 0, loop.time()
    while sent < length:
        block = file.read(min(max(rate // TICKS_PER_SECOND, 1), length - sent))
        writer.write(block)
        await writer.drain()
        sent += len(block)
        await asyncio.sleep(start + sent / rate - loop.time())


if __name__ == "__main__":
    asyncio.run(serve(int(sys.argv[1]), Path(sys.argv[2])))
