"""The Dockerfile as far as it can be judged without executing it; `python -m deploy.proof` executes it."""

import json
import re
import subprocess
import sys
from pathlib import Path

from deploy.proof.roots import context, instructions
from tests.deploy.documents import PROJECT

STEPS = instructions((PROJECT / "Dockerfile").read_text())


def last(word: str) -> str:
    return [rest for name, rest in STEPS if name == word][-1]


def test_hadolint_finds_nothing() -> None:
    hadolint = Path(sys.executable).parent / "hadolint"

    done = subprocess.run([str(hadolint), "Dockerfile"], cwd=PROJECT, capture_output=True, text=True, check=False)

    assert (done.returncode, done.stdout) == (0, "")


def test_the_base_is_pinned_and_the_build_stays_behind() -> None:
    sources = [rest for word, rest in STEPS if word == "FROM"]

    assert re.fullmatch(r"debian:12\.\d+-slim AS base", sources[0])
    assert sources[1:] == ["base AS build", "base"]


def test_it_runs_as_a_user_under_an_init_that_reaps() -> None:
    assert last("USER") == "1000:1000"
    assert json.loads(last("ENTRYPOINT")) == ["tini", "--"]
    assert "ENVIRONMENT=production" in last("ENV")


def test_its_labels_name_the_licence_that_the_project_has() -> None:
    licence = re.search(r'image\.licenses="(.*?)"', last("LABEL"))

    assert licence is not None
    assert (PROJECT / "LICENSE").read_text().startswith(licence[1])


def test_the_health_check_and_what_pages_need_are_sent_to_the_build_and_tests_are_not() -> None:
    sent = set(context())
    check = json.loads(last("HEALTHCHECK").partition("CMD ")[2])

    assert {check[1], "manage.py", "Procfile", "gunicorn.conf.py", "requirements.txt", "docs/settings.md"} <= sent
    assert not [name for name in sent if name.split("/")[0] in {"tests", "bench", "deploy", ".git", "data"}]
    assert ".env" not in sent
