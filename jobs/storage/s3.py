"""Results in a bucket of an S3 server. Loaded only when STORAGE_URL names one: botocore takes 25 MB.

One client per process, which all threads share; a library that has one for each thread would multiply that.
"""

import base64
import errno
import hashlib
import io
import math
import os
import secrets
import threading
import weakref
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path, PurePosixPath
from typing import IO, Any

import botocore.session
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from django.core.exceptions import SuspiciousFileOperation
from django.core.files.base import File
from django.core.files.storage import Storage
from django.utils.deconstruct import deconstructible

from jobs.storage.errors import Interrupted, NotPlain, Unavailable
from jobs.storage.local import open_plain
from jobs.storage.remote import RemoteFile
from jobs.storage.results import Described, Stored, no_beat

PART_BYTES = 8 << 20  # held in memory, one by each worker that uploads
MOST_PARTS = 10_000  # of one upload; S3's bound
ABSENT = frozenset({"404", "NoSuchKey", "NoSuchUpload", "NotFound"})
PROBE = ".access-probe"


@deconstructible
class S3Storage(Storage):
    """A bucket, or what lies below a prefix in it.

    Each result gets a folder of its own (`own_name`), so that no two publishes ever share a key: neither an overwrite
    nor a late delete can meet somebody else's bytes, whether or not the server knows conditional writes.
    """

    settle_time = timedelta(days=1)  # longer than the companions of any result need to be uploaded
    is_remote = True

    def __init__(
        self,
        *,
        bucket: str,
        prefix: str = "",
        endpoint_url: str = "",
        region: str = "",
        addressing: str = "auto",
        access_key: str = "",
        secret_key: str = "",
        session_token: str = "",
    ) -> None:
        self.bucket = bucket
        self.prefix = prefix
        self._connect = partial(
            _client,
            endpoint_url=endpoint_url,
            region=region,
            addressing=addressing,
            credentials=(access_key, secret_key, session_token),
        )
        self._client: Any = None
        self._lock = threading.Lock()

    @property
    def client(self) -> Any:
        """Made once, before anything is forked if `load` is called there; connections are not inherited."""
        with self._lock:
            if self._client is None:
                self._client = self._connect()
                os.register_at_fork(after_in_child=partial(_close, weakref.ref(self._client)))
            return self._client

    # --- what results need ---

    def load(self) -> None:
        """Make the client."""
        _ = self.client

    def own_name(self, name: str, suffixes: Sequence[str] = ()) -> str:
        """The wanted name with a folder that nobody else has."""
        path = PurePosixPath(name)
        return str(path.parent / secrets.token_hex(8) / path.name)

    def publish(self, source: Path, name: str, described: Described, beat: Callable[[], None]) -> str:
        """Upload `source` and delete it. The object appears when all of it is there, and its digest was compared.

        The server checks each part's MD5, this process the whole's SHA-256, and in the end the size that the server
        tells. What a crash leaves is an unfinished upload, which nobody sees and `abort_uploads` clears.
        """
        with open_plain(source) as file:
            size_bytes = os.fstat(file.fileno()).st_size
            facts = {
                "ContentType": described.mime_type or "application/octet-stream",
                "CacheControl": "private",
                "Metadata": {"sha256": described.sha256} if described.sha256 else {},
            }
            with _translated(name):
                if size_bytes <= PART_BYTES:
                    self._put(file, name, facts, beat)
                else:
                    self._put_in_parts(file, name, facts, _part_bytes(size_bytes), beat)
                self._require(name, size_bytes, described.sha256)
        source.unlink()
        return name

    def remove(self, name: str) -> None:
        """Delete the object."""
        with _translated(name):
            self.client.delete_object(Bucket=self.bucket, Key=self._key(name))

    def all_results(self) -> Iterator[Stored]:
        """As the server lists them: without their digests."""
        pages = self.client.get_paginator("list_objects_v2").paginate(Bucket=self.bucket, Prefix=self._key(""))
        with _translated(""):
            for page in pages:
                for found in page.get("Contents", ()):
                    name = found["Key"].removeprefix(self._key(""))
                    if name and not name.endswith("/"):  # an empty object that stands for a folder
                        yield Stored(name=name, size_bytes=found["Size"], changed_at=found["LastModified"])

    def abort_uploads(self, before: datetime) -> int:
        """S3 keeps, and charges for, the parts of an unfinished upload for ever."""
        pages = self.client.get_paginator("list_multipart_uploads").paginate(Bucket=self.bucket, Prefix=self._key(""))
        aborted = 0
        with _translated(""):
            for page in pages:
                for upload in page.get("Uploads", ()):
                    if upload["Initiated"] < before:
                        self._abort(upload["Key"], upload["UploadId"])
                        aborted += 1
        return aborted

    def check_access(self) -> None:
        """Whether the bucket is there and these keys open it. Raises Unavailable."""
        with _translated(""):
            self.client.head_bucket(Bucket=self.bucket)

    def direct_link(self, name: str, *, seconds: int, disposition: str, mime_type: str) -> str:
        """Signed here, without a call; nothing tells whether the object exists."""
        parameters = {
            "Bucket": self.bucket,
            "Key": self._key(name),
            "ResponseContentDisposition": disposition,
            "ResponseContentType": mime_type,
            "ResponseCacheControl": "private",
        }
        with _translated(name):
            return str(self.client.generate_presigned_url("get_object", Params=parameters, ExpiresIn=seconds))

    # --- Django's verbs ---

    def _open(self, name: str, mode: str = "rb") -> Any:
        if mode != "rb":
            raise ValueError("stored results are read, or published; nothing is opened for writing")
        return RemoteFile(partial(self._read, name), self.size(name))

    def _save(self, name: str, content: "File[Any]") -> str:
        """For Django's own `save`; results come through `publish`."""
        with _translated(name):
            self._put(content, name, {}, no_beat)
        return name

    def delete(self, name: str) -> None:
        """Not an error when it is gone."""
        self.remove(name)

    def exists(self, name: str) -> bool:
        try:
            self._head(name)
        except FileNotFoundError:
            return False
        return True

    def size(self, name: str) -> int:
        return int(self._head(name)["ContentLength"])

    def sha256(self, name: str) -> str:
        """As it was told at the publish; empty for what was put there in another way."""
        return str(self._head(name)["Metadata"].get("sha256", ""))

    def url(self, name: str | None) -> str:
        raise NotImplementedError("links to results are made by jobs.file_links")

    # --- calls ---

    def _key(self, name: str) -> str:
        if name.startswith("/") or ".." in name.split("/"):
            raise SuspiciousFileOperation(f"{name!r} leads out of the storage")
        return f"{self.prefix}/{name}" if self.prefix else name

    def _head(self, name: str) -> dict[str, Any]:
        with _translated(name):
            return dict(self.client.head_object(Bucket=self.bucket, Key=self._key(name)))

    def _read(self, name: str, first: int, last: int) -> "_Body":
        with _translated(name):
            answer = self.client.get_object(Bucket=self.bucket, Key=self._key(name), Range=f"bytes={first}-{last}")
        return _Body(answer["Body"], name)

    def _put(self, file: IO[bytes], name: str, facts: dict[str, Any], beat: Callable[[], None]) -> None:
        content = file.read()
        _require_digest(hashlib.sha256(content).hexdigest(), facts)
        body = _Watched(content, beat)
        self.client.put_object(Bucket=self.bucket, Key=self._key(name), Body=body, ContentMD5=_md5(content), **facts)

    def _put_in_parts(
        self, file: IO[bytes], name: str, facts: dict[str, Any], part_bytes: int, beat: Callable[[], None]
    ) -> None:
        key = self._key(name)
        upload = self.client.create_multipart_upload(Bucket=self.bucket, Key=key, **facts)["UploadId"]
        digest = hashlib.sha256()
        parts: list[dict[str, Any]] = []
        try:
            while content := file.read(part_bytes):
                digest.update(content)
                body = _Watched(content, beat)
                part = {"Bucket": self.bucket, "Key": key, "UploadId": upload, "PartNumber": len(parts) + 1}
                answer = self.client.upload_part(**part, Body=body, ContentMD5=_md5(content))
                parts.append({"PartNumber": part["PartNumber"], "ETag": answer["ETag"]})
                body.raise_refusal()
            _require_digest(digest.hexdigest(), facts)
            self.client.complete_multipart_upload(
                Bucket=self.bucket, Key=key, UploadId=upload, MultipartUpload={"Parts": parts}
            )
        except BaseException:
            with _quietly():
                self._abort(key, upload)
            raise

    def _abort(self, key: str, upload: str) -> None:
        try:
            self.client.abort_multipart_upload(Bucket=self.bucket, Key=key, UploadId=upload)
        except ClientError as error:
            if _code(error) not in ABSENT:
                raise

    def _require(self, name: str, size_bytes: int, sha256: str) -> None:
        head = self._head(name)
        if head["ContentLength"] != size_bytes or head["Metadata"].get("sha256", "") != sha256:
            self.remove(name)
            raise Unavailable(errno.EIO, "the store does not have what it was sent", name)


class _Watched(io.BytesIO):
    """A request's body that tells while it is sent, so that a slow line does not look like a dead worker.

    What `beat` raises then is kept: within a request, the client would take it for a failure of the line.
    """

    def __init__(self, content: bytes, beat: Callable[[], None]) -> None:
        super().__init__(content)
        self._beat = beat
        self._refusal: Interrupted | None = None

    def read(self, size: int | None = -1) -> bytes:
        try:
            self._beat()
        except Interrupted as refusal:
            self._refusal = refusal
        return super().read(size)

    def raise_refusal(self) -> None:
        """Raise what `beat` has raised while the body was sent."""
        if self._refusal is not None:
            raise self._refusal


class _Body:
    """What the server sends, with errors as of a file."""

    def __init__(self, stream: Any, name: str) -> None:
        self._stream = stream
        self._name = name

    def read(self, size: int) -> bytes:
        with _translated(self._name):
            return bytes(self._stream.read(size))

    def close(self) -> None:
        self._stream.close()


def _close(client: "weakref.ref[Any]") -> None:
    """In a process that was forked: two must not talk over one connection."""
    found = client()
    if found is not None:
        found.close()


def _client(*, endpoint_url: str, region: str, addressing: str, credentials: tuple[str, str, str]) -> Any:
    access_key, secret_key, session_token = (value or None for value in credentials)
    config = Config(
        s3={"addressing_style": addressing},
        signature_version="s3v4",
        connect_timeout=5,
        read_timeout=30,
        retries={"mode": "standard", "max_attempts": 4},
        max_pool_connections=32,
        # Not every server knows the newer checksums; parts carry their MD5, and the whole its SHA-256.
        request_checksum_calculation="when_required",
        response_checksum_validation="when_required",
    )
    with _translated(""):
        return botocore.session.Session().create_client(
            "s3",
            region_name=region or "us-east-1",
            endpoint_url=endpoint_url or None,
            aws_access_key_id=access_key,
            aws_secret_access_key=secret_key,
            aws_session_token=session_token,
            config=config,
        )


@contextmanager
def _translated(name: str) -> Iterator[None]:
    """botocore's errors as OSErrors. Their texts name the bucket and the server: for the log, not for callers."""
    try:
        yield
    except ClientError as error:
        if _code(error) in ABSENT and name:
            raise FileNotFoundError(errno.ENOENT, "not in the store", name) from error
        raise Unavailable(errno.EIO, f"the store answers {_code(error)} to {error.operation_name}", name) from error
    except BotoCoreError as error:
        raise Unavailable(errno.EIO, f"the store is out of reach: {type(error).__name__}", name) from error


@contextmanager
def _quietly() -> Iterator[None]:
    """For tidying up on the way of another error: what is left is swept later."""
    try:
        yield
    except (ClientError, BotoCoreError):
        return


def _code(error: ClientError) -> str:
    return str(error.response.get("Error", {}).get("Code", ""))


def _md5(content: bytes) -> str:
    return base64.b64encode(hashlib.md5(content, usedforsecurity=False).digest()).decode("ascii")


def _part_bytes(size_bytes: int) -> int:
    return max(PART_BYTES, math.ceil(size_bytes / MOST_PARTS))


def _require_digest(found: str, facts: dict[str, Any]) -> None:
    told = facts.get("Metadata", {}).get("sha256")
    if told and told != found:
        raise NotPlain("the file is not the one that was verified")
