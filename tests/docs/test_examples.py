"""The examples that call the service, of every page but docs/api.md, against one of it; and the answers that are shown.

curl fails on a refusal here. `make run`, which would not end, checks the settings that it is given instead: that the
service starts is shown by every journey.
"""

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml
from django.db import connection

from tests.deploy.documents import PROJECT
from tests.deploy.test_alerts import promtool
from tests.docs.blocks import Block, blocks, joined, replaced, run
from tests.journeys.stack import API_KEY, Stack, running_stack
from tests.origin.server import Origin
from tests.receiver import Receiver

FILM, SLOW = "https://media.example.org/watch/42", "https://media.example.org/watch/43"
OUTCOMES = "export ORIGIN=http://127.0.0.1:9000"
OUTCOMES_START = "ALLOW_PRIVATE_ADDRESSES=true"


@dataclass
class Scene:
    """The service, the origin that it downloads from, and where the examples are run."""

    stack: Stack
    origin: Origin
    directory: Path

    def __post_init__(self) -> None:
        """Programs that come before those of the PATH."""
        (self.directory / "bin").mkdir(exist_ok=True)
        self._program("curl", f'exec {shutil.which("curl")} -sS --fail-with-body "$@"')
        self._program("make", f'test "$*" = run && exec {sys.executable} {PROJECT}/manage.py check')

    def _program(self, name: str, line: str) -> None:
        path = self.directory / "bin" / name
        path.write_text(f"#!/bin/sh\n{line}\n")
        path.chmod(0o755)

    def run(self, code: str) -> str:
        """What the program prints; an assertion when one of its commands fails."""
        done = run(self.directory, "sh", code, **self.variables())
        assert done.returncode == 0, f"{code}\n--\n{done.stdout}\n--\n{done.stderr}"
        return done.stdout

    def variables(self) -> dict[str, str]:
        return {
            "PATH": f"{self.directory / 'bin'}{os.pathsep}{os.environ['PATH']}",
            "ENV_FILE": os.devnull,
            "STORAGE_DIR": str(self.stack.directory / "data"),
            "DATABASE_URL": self.stack.database_url,
            "LOG_LEVEL": "ERROR",
            "ALLOW_PRIVATE_ADDRESSES": "true",
            "SERVICE": self.stack.url(""),
            "API": self.stack.url("/api/v1"),
            "KEY": API_KEY,
        }

    def write(self, name: str, text: str) -> None:
        (self.directory / name).write_text(text)

    def slow(self) -> str:
        return self.stack.submit(self.origin.url("/slow/100000/big.mp4"))

    def completed(self) -> dict[str, Any]:
        """A job with its file."""
        job = self.stack.wait(self.stack.submit(self.origin.url("/video.mp4")), "completed", "failed")
        assert job["status"] == "completed", job
        return job

    def post(self, path: str, **body: Any) -> dict[str, Any]:
        answer = self.stack.call("POST", path, json=body)
        assert answer.ok, answer.text
        return dict(answer.json())

    def cancel_all(self) -> None:
        """Leave the slots to the next example."""
        for state in ("queued", "running"):
            for job in self.stack.call("GET", f"/download?status={state}&limit=100").json()["results"]:
                self.stack.call("DELETE", f"/download/{job['request_id']}")


Prepare = Callable[[Scene], Mapping[str, str]]


@dataclass(frozen=True)
class Example:
    """Blocks of a document that follow each other, by their first lines, and how to make them fit the scene."""

    document: str
    firsts: tuple[str, ...]
    prepare: Prepare  # gives what stands for what the document makes up

    def blocks(self) -> list[Block]:
        return [
            block
            for block in blocks(self.document)
            if block.language == "sh" and any(block.first.startswith(first) for first in self.firsts)
        ]

    def __str__(self) -> str:
        return f"{self.document}: {self.firsts[0]}"


def first_file(scene: Scene) -> Mapping[str, str]:
    return {
        "http://localhost:8080": scene.stack.url(""),
        "mdl_…": API_KEY,
        "https://example.org/video": scene.origin.url("/video.mp4"),
        "req_…": scene.completed()["request_id"],
    }


def chosen_secrets(scene: Scene) -> Mapping[str, str]:
    return {"ADMIN_PASSWORD=…": "ADMIN_PASSWORD=a-long-one-for-it", "API_KEY=…": "API_KEY=mdl_one-that-is-long-enough"}


def batches(scene: Scene) -> Mapping[str, str]:
    links = [scene.origin.url(f"/slow/100000/big.mp4?{number}") for number in (1, 2)]
    scene.write("links.txt", f"# films\n{links[0]}\n\n{links[1]}\n")
    scene.stack.call("POST", "/archive", data="youtube a1B2c3D4e5F", headers={"Content-Type": "text/plain"})
    return {
        FILM: links[0],
        SLOW: links[1],
        "batch_1d0c8e5a7b3f4926": scene.post("/batch/download", urls=links)["batch_id"],
        "https://media.example.org/feed.xml": scene.origin.url("/feeds/3.xml"),
        "https://media.example.org/@rivers": scene.origin.url("/feeds/channel.xml"),
    }


def cookies(scene: Scene) -> Mapping[str, str]:
    [line] = [block.code for block in blocks("docs/cookies.md") if block.language == "text"]
    scene.write("cookies.txt", "# Netscape HTTP Cookie File\n" + line.replace(".example.org\tTRUE", "127.0.0.1\tFALSE"))
    jar = scene.post("/cookies", cookies=(scene.directory / "cookies.txt").read_text(), name="example")
    return {
        "https://example.org/members/42": scene.origin.url("/video.mp4"),
        "cookie_9b1c7e52a0d34f68": jar["cookie_id"],
    }


def pages(scene: Scene) -> Mapping[str, str]:
    links = [scene.origin.url("/video.mp4"), scene.origin.url("/slow/100/video.mp4")]
    batch = scene.post("/metadata/batch", urls=[scene.origin.url("/stall/page.html")])["batch_id"]
    return {FILM: links[0], SLOW: links[1], "137+140": "best", "batch_1d0c8e5a7b3f4926": batch}


def other_storage(scene: Scene) -> Mapping[str, str]:
    return {
        "file:///mnt/shared/results": f"file://{scene.directory}/shared",
        "AWS_ACCESS_KEY_ID=…": "AWS_ACCESS_KEY_ID=id",
        "AWS_SECRET_ACCESS_KEY=…": "AWS_SECRET_ACCESS_KEY=secret",
    }


def link_of_a_file(scene: Scene) -> Mapping[str, str]:
    return {"$FILE_URL": scene.completed()["file_info"]["file_url"]}


EXAMPLES = (
    Example("README.md", ("export KEY=",), first_file),
    Example("README.md", ("ADMIN_PASSWORD=",), chosen_secrets),
    Example("README.md", (OUTCOMES, OUTCOMES_START, "make test-origin"), lambda scene: {}),  # by a test of its own
    Example("docs/cookies.md", ("curl", "jq"), cookies),
    Example("docs/deployment.md", ("mkdir -p deploy/nginx/certificates",), lambda scene: {}),
    Example("docs/downloads.md", ("curl",), lambda scene: {FILM: scene.origin.url("/video.mp4")}),
    Example("docs/metadata.md", ("curl",), pages),
    Example("docs/playlists.md", ("curl",), batches),
    Example("docs/storage.md", ("STORAGE_URL=", "export STORAGE_URL="), other_storage),
    Example("docs/storage.md", ("curl",), link_of_a_file),
)
PLAIN = [example for example in EXAMPLES if OUTCOMES not in example.firsts]


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """As README has it started, to see every outcome."""
    [start] = [block.first for block in blocks("README.md") if block.first.startswith(OUTCOMES_START)]
    *assignments, make, run = start.split()
    assert (make, run) == ("make", "run")
    with running_stack(tmp_path_factory.mktemp("examples"), **dict(one.split("=") for one in assignments)) as stack:
        yield stack


@pytest.fixture
def scene(service: Stack, origin: Origin, tmp_path: Path) -> Iterator[Scene]:
    made = Scene(service, origin, tmp_path)
    yield made
    made.cancel_all()


@pytest.mark.slow
@pytest.mark.django_db
@pytest.mark.parametrize("example", PLAIN, ids=str)
def test_an_example_works_as_it_stands(example: Example, scene: Scene) -> None:
    known = example.prepare(scene)

    scene.run(replaced(joined(example.blocks()), known))


@pytest.mark.slow
@pytest.mark.django_db
def test_every_outcome_of_the_readme_is_as_it_says(scene: Scene) -> None:
    [block] = [block for block in blocks("README.md") if block.first == OUTCOMES]
    slow, done = scene.slow(), scene.completed()["file_info"]
    resume = 'curl -s -X POST   -H "X-API-Key: $KEY" $API/download/req_…/resume'
    known = {
        "http://127.0.0.1:9000": scene.origin.url("").rstrip("/"),
        resume: f"until show req_… | grep -q paused; do sleep 0.2; done; {resume}",  # its worker needs a moment
        "req_…": slow,
        "http://localhost:8080/files/…": done["file_url"],
    }
    (scene.directory / "bin" / "curl").unlink()  # refusals are among the outcomes

    answers = documents(scene.run(replaced(block.code, known)))

    expected = re.findall(r"^post .*# +(.*)$", block.code, re.MULTILINE)
    posted = [answer for answer in answers if answer.get("request_id") != slow]
    assert len(posted) == len(expected) > 8
    for answer, comment in zip(posted, expected, strict=True):
        check_outcome(scene, answer, comment)
    parts = [(scene.directory / name).stat().st_size for name in ("part1", "part2")]
    assert parts == [1000, done["size_bytes"] - 1000]
    assert [request for request in scene.origin.requests if request.range] != []


def documents(text: str) -> list[dict[str, Any]]:
    """The JSON objects that follow each other."""
    found, text = [], text.strip()
    while text:
        one, end = json.JSONDecoder().raw_decode(text)
        found.append(one)
        text = text[end:].lstrip()
    return found


def check_outcome(scene: Scene, answer: dict[str, Any], comment: str) -> None:
    if refused := re.match(r"422 (\w+), field (\w+)", comment):
        error = answer["error"]
        assert (error["code"], error["details"][0]["field"]) == refused.groups()
    elif failing := re.match(r"fails: (\w+)", comment):
        job = scene.stack.wait(answer["request_id"], "completed", "failed", seconds=60)
        assert (job["status"], job["error_code"]) == ("failed", failing[1]), job
    elif not comment.startswith("slow"):
        job = scene.stack.wait(answer["request_id"], "completed", "failed", seconds=60)
        assert job["status"] == "completed", job


@pytest.mark.slow
@pytest.mark.django_db
def test_the_answers_that_are_shown_have_the_shape_of_real_ones(scene: Scene) -> None:
    cookies(scene)
    jar = scene.post("/cookies", cookies=(scene.directory / "cookies.txt").read_text(), name="example")
    refusal = scene.stack.call("POST", "/download", json={"url": scene.origin.url("/"), "quality": "9000p"}).json()
    with Receiver() as receiver:
        job = scene.post("/download", url=scene.origin.url("/video.mp4"), webhook_url=receiver.url())
        scene.stack.wait_until(lambda: [one.json()["event"] for one in receiver.requests], lambda told: len(told) > 1)
        [message] = [one.json() for one in receiver.requests if one.json()["event"] == "download.completed"]

    assert message["request_id"] == job["request_id"]
    for document, real in (("api", refusal), ("cookies", jar), ("webhooks", message)):
        [shown] = [block for block in blocks(f"docs/{document}.md") if block.language == "json"]
        assert shape(json.loads(shown.code)) == shape(real), shown


def shape(value: Any) -> Any:
    """The keys, all the way down."""
    if isinstance(value, dict):
        return {key: shape(one) for key, one in value.items()}
    return [shape(one) for one in value] if isinstance(value, list) else None


@pytest.mark.slow
@pytest.mark.django_db
def test_the_health_check_of_workers_works_as_it_is_shown(scene: Scene) -> None:
    check = yaml.safe_load(blocks("docs/operations.md")[0].code)["healthcheck"]
    kind, python, *command = check["test"]

    done = subprocess.run([sys.executable, *command], cwd=PROJECT, env=scene.variables(), timeout=60, check=False)

    assert (kind, python, done.returncode) == ("CMD", "python", 0)


def test_prometheus_takes_each_way_of_asking_that_is_shown(tmp_path: Path) -> None:
    shown = yaml.safe_load(blocks("docs/operations.md")[1].code)
    shutil.copy(PROJECT / "deploy" / "prometheus" / "alerts.yml", tmp_path)
    (tmp_path / "key").write_text("mdl_x")

    assert len(shown["scrape_configs"]) == 3
    for one in shown["scrape_configs"]:
        text = yaml.safe_dump({**shown, "scrape_configs": [one]})
        (tmp_path / "prometheus.yml").write_text(text.replace("/etc/prometheus/media-key", str(tmp_path / "key")))
        promtool("check", "config", tmp_path / "prometheus.yml")


@pytest.mark.django_db
def test_the_queries_of_the_runbook_are_answered() -> None:
    queries = re.findall(r"`(SELECT [^`]+);`", (PROJECT / "docs" / "operations.md").read_text())
    assert len(queries) == 5
    if connection.vendor != "postgresql":
        pytest.skip("they are PostgreSQL's")

    with connection.cursor() as cursor:
        for query in queries:
            cursor.execute(query.replace("%", "%%"))
