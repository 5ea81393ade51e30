"""A caller of the service's API over one persistent connection, and a reader that throws bytes away."""

import http.client
import json
import socket
import time
from typing import Any
from urllib.parse import urlsplit

from bench import NotMeasured

API_KEY = "a-key-for-the-benchmark"
TIMEOUT_SECONDS = 30.0
BLOCK_BYTES = 1 << 20


class Client:
    """One connection; not for several threads."""

    def __init__(self, port: int) -> None:
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=TIMEOUT_SECONDS)

    def call(self, method: str, path: str, body: dict[str, Any] | None = None) -> tuple[int, Any]:
        """Status and JSON answer of a call below /api/v1. Raises OSError or HTTPException."""
        headers = {"X-API-Key": API_KEY}
        content = None
        if body is not None:
            content = json.dumps(body).encode()
            headers["Content-Type"] = "application/json"
        self._connection.request(method, f"/api/v1{path}", content, headers)
        response = self._connection.getresponse()
        return response.status, json.loads(response.read())

    def submit(self, url: str) -> str:
        """Start a download; its id."""
        status, answer = self.call("POST", "/download", {"url": url})
        if status != 202:
            raise NotMeasured(f"POST answered {status}: {answer}")
        return str(answer["request_id"])

    def job(self, job_id: str) -> dict[str, Any]:
        status, answer = self.call("GET", f"/download/{job_id}")
        if status != 200:
            raise NotMeasured(f"GET answered {status}: {answer}")
        return dict(answer)

    def wait(self, job_id: str, *, every: float = 0.01, seconds: float = 60) -> dict[str, Any]:
        """Poll until the job is completed."""
        deadline = time.monotonic() + seconds
        while True:
            job = self.job(job_id)
            if job["status"] == "completed":
                return job
            if job["status"] in ("failed", "cancelled"):
                raise NotMeasured(f"a download {job['status']}: {job['error']}")
            if time.monotonic() > deadline:
                raise NotMeasured(f"a download is {job['status']} after {seconds:g} s")
            time.sleep(every)

    def close(self) -> None:
        self._connection.close()

    def __enter__(self) -> "Client":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def read_all(url: str) -> int:
    """GET over a fresh connection, throw the bytes away, and return how many came, head included."""
    parts = urlsplit(url)
    buffer = memoryview(bytearray(BLOCK_BYTES))
    request = f"GET {parts.path} HTTP/1.1\r\nHost: {parts.netloc}\r\nConnection: close\r\n\r\n"
    received = 0
    with socket.create_connection((parts.hostname or "", parts.port or 80), TIMEOUT_SECONDS) as connection:
        connection.sendall(request.encode())
        while count := connection.recv_into(buffer):
            received += count
    return received
