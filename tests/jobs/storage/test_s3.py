"""Results on a real S3 server: whole or not at all, verified, read by ranges, and gone when they are deleted."""

import hashlib
import os
import signal
import threading
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import requests
from django.core.exceptions import SuspiciousFileOperation
from pytest_django import Settings

from downloader_project import storage_url
from jobs import storage
from jobs.storage import s3 as store
from jobs.storage.results import backend
from tests.s3 import BUCKET, S3Server

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("on_s3")]


def described(path: Path) -> storage.Described:
    return storage.Described(sha256=hashlib.sha256(path.read_bytes()).hexdigest(), mime_type="video/mp4")


@pytest.fixture
def in_parts(finished: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A file that is uploaded in two parts, of the least size that S3 takes."""
    monkeypatch.setattr(store, "PART_BYTES", 5 << 20)
    finished.write_bytes(os.urandom(6 << 20))
    return finished


def test_a_published_file_is_there_with_its_digest_and_type(finished: Path, s3: S3Server, tmp_path: Path) -> None:
    facts = described(finished)

    name = storage.publish(finished, "videos/Käse 日本.mp4", facts)

    head = s3.client.head_object(Bucket=BUCKET, Key=f"{tmp_path.name}/{name}")
    assert (head["Metadata"]["sha256"], head["ContentType"]) == (facts.sha256, "video/mp4")
    assert not finished.exists()
    with storage.open_result(name) as file:
        assert file.read() == b"bytes of a video"


def test_each_publish_has_a_place_of_its_own(finished: Path) -> None:
    names = {storage.own_name("videos/same.mp4") for _ in range(3)}

    assert len(names) == 3
    assert {name.rsplit("/", 1)[1] for name in names} == {"same.mp4"}


def test_a_large_file_arrives_in_parts_and_is_read_by_ranges(in_parts: Path) -> None:
    content = in_parts.read_bytes()
    beats: list[float] = []

    name = storage.publish(in_parts, "videos/large.mp4", described(in_parts), lambda: beats.append(time.monotonic()))

    assert len(beats) > 3
    with storage.open_result(name) as file:
        assert file.seek(0, os.SEEK_END) == len(content)
        file.seek(5 << 20)
        assert file.read(1000) == content[5 << 20 :][:1000]
        file.seek(0)
        assert hashlib.sha256(file.read()).digest() == hashlib.sha256(content).digest()


def test_an_upload_that_is_interrupted_leaves_nothing(in_parts: Path, s3: S3Server, tmp_path: Path) -> None:
    seen: list[str] = []

    def refuse() -> None:
        if not seen:
            seen.extend(s3.uploads())
        raise storage.Interrupted("cancelled")

    with pytest.raises(storage.Interrupted):
        storage.publish(in_parts, "videos/half.mp4", described(in_parts), refuse)

    assert f"{tmp_path.name}/videos/half.mp4" in seen
    assert in_parts.exists()
    assert s3.stored_keys(tmp_path.name) == []
    assert not [key for key in s3.uploads() if key.startswith(tmp_path.name)]


def test_what_a_killed_worker_leaves_of_an_upload_is_invisible_and_swept(
    in_parts: Path, s3: S3Server, tmp_path: Path
) -> None:
    key = f"{tmp_path.name}/videos/crashed.mp4"
    worker = os.fork()
    if worker == 0:
        storage.publish(in_parts, "videos/crashed.mp4", beat=lambda: os.kill(os.getpid(), signal.SIGKILL))
        os._exit(0)
    assert os.waitstatus_to_exitcode(os.waitpid(worker, 0)[1]) == -signal.SIGKILL
    now = datetime.now(UTC)

    assert list(storage.results()) == []
    assert storage.abort_uploads(now - timedelta(hours=1)) == 0
    assert key in s3.uploads()
    assert storage.abort_uploads(now + timedelta(hours=1)) >= 1
    assert key not in s3.uploads()
    assert in_parts.exists()


def test_bytes_that_are_not_those_that_were_verified_are_not_stored(
    finished: Path, in_parts: Path, s3: S3Server, tmp_path: Path
) -> None:
    small = finished.with_name("small.mp4")
    small.write_bytes(b"small")

    for path in (small, in_parts):
        with pytest.raises(storage.NotPlain):
            storage.publish(path, "videos/wrong.mp4", storage.Described(sha256="0" * 64))

    assert s3.stored_keys(tmp_path.name) == []


def test_a_link_out_of_the_work_directory_is_not_uploaded(finished: Path, s3: S3Server, tmp_path: Path) -> None:
    link = finished.with_name("link.mp4")
    link.symlink_to("/etc/passwd")

    with pytest.raises(storage.NotPlain):
        storage.publish(link, "videos/passwd.mp4")
    with pytest.raises(SuspiciousFileOperation):
        storage.publish(finished, "../outside.mp4")

    assert s3.stored_keys(tmp_path.name) == []


def test_a_deleted_file_is_gone_and_may_be_deleted_again(finished: Path) -> None:
    name = storage.publish(finished, "videos/gone.mp4")
    storage.delete_result(name)
    storage.delete_result(name)

    with pytest.raises(FileNotFoundError):
        storage.open_result(name)
    assert not backend().exists(name)  # type: ignore[attr-defined]  # Django's verb


def test_results_are_listed_without_the_prefix_and_with_their_sizes(finished: Path, s3: S3Server) -> None:
    s3.client.put_object(Bucket=BUCKET, Key="elsewhere/other.mp4", Body=b"not ours")
    name = storage.publish(finished, "videos/listed.mp4")

    [found] = storage.results()

    assert (found.name, found.size_bytes) == (name, 16)
    assert abs(found.changed_at - datetime.now(UTC)) < timedelta(minutes=1)


def test_a_direct_link_has_the_files_name_and_runs_out(finished: Path, s3: S3Server) -> None:
    name = storage.publish(finished, "videos/linked.mp4")
    disposition = "attachment; filename=\"K_se.mp4\"; filename*=utf-8''K%C3%A4se.mp4"
    link = storage.direct_link(name, seconds=1, disposition=disposition, mime_type="video/mp4")

    answer = requests.get(link, headers={"Range": "bytes=9-"}, timeout=10)
    tampered = requests.get(link.replace("linked", "other"), timeout=10)

    assert (answer.status_code, answer.content) == (206, b"a video")
    assert answer.headers["Content-Disposition"] == disposition
    assert answer.headers["Content-Type"] == "video/mp4"
    assert tampered.status_code in (403, 404)
    deadline = time.monotonic() + 15
    while requests.get(link, timeout=10).status_code != 403:
        assert time.monotonic() < deadline, "the link does not run out"
        time.sleep(0.2)


def test_a_forked_process_talks_over_connections_of_its_own(finished: Path) -> None:
    name = storage.publish(finished, "videos/forked.mp4")
    with storage.open_result(name) as inherited:
        inherited.read(1)
        child = os.fork()
        if child == 0:
            with storage.open_result(name) as own:
                os._exit(0 if own.read() == b"bytes of a video" else 1)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
        assert inherited.read() == b"ytes of a video"


def test_threads_share_one_client(finished: Path) -> None:
    name = storage.publish(finished, "videos/shared.mp4")
    read: list[bytes] = []

    def fetch() -> None:
        with storage.open_result(name) as file:
            read.append(file.read())

    threads = [threading.Thread(target=fetch) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)

    assert read == [b"bytes of a video"] * 8


def test_wrong_keys_and_a_missing_bucket_are_told(s3: S3Server, settings: Settings) -> None:
    storage.check_access()
    storage.probe()
    assert list(storage.results()) == []
    address = storage_url.parse(s3.storage_url())
    told = []
    for bucket, secret in ((BUCKET, "wrong"), ("no-such-bucket", "the-tests-secret")):
        backends = address.backend(access_key="the-tests-key", secret_key=secret)
        backends["OPTIONS"]["bucket"] = bucket
        settings.STORAGES = {**settings.STORAGES, "default": backends}
        with pytest.raises(storage.Unavailable) as refusal:
            storage.check_access()
        told.append(str(refusal.value))

    assert "403" in told[0]
    assert "404" in told[1]


def test_a_server_that_is_not_there_is_told_as_such(settings: Settings) -> None:
    address = storage_url.parse("s3://media?endpoint=http://127.0.0.1:9&addressing=path")
    backends = address.backend(access_key="a", secret_key="b")
    settings.STORAGES = {**settings.STORAGES, "default": backends}

    storage.load()
    with pytest.raises(storage.Unavailable, match="out of reach"):
        storage.check_access()
    with pytest.raises(storage.Unavailable):
        storage.probe()
