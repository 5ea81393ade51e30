"""railway.toml and its two siblings: Railway publishes its schema on its site only, so the keys are listed here."""

import shlex
import tomllib
from pathlib import Path
from typing import Any

import pytest

from tests.deploy.documents import PROJECT

FILES = ("railway.toml", "deploy/railway/web.toml", "deploy/railway/worker.toml")
BUILD = {"builder", "dockerfilePath", "buildCommand", "watchPatterns"}
DEPLOY = {
    "startCommand", "preDeployCommand", "healthcheckPath", "healthcheckTimeout", "restartPolicyType",
    "restartPolicyMaxRetries", "requiredMountPath", "overlapSeconds", "drainingSeconds", "numReplicas",
}  # fmt: skip
PROGRAMS = {"python", "gunicorn"}  # of the image
INIT = "tini -- "  # a start command of Railway's takes the place of the image's ENTRYPOINT


def read(name: str) -> dict[str, Any]:
    return tomllib.loads((PROJECT / name).read_text())


@pytest.mark.parametrize("name", FILES)
def test_it_has_keys_that_railway_knows_and_builds_our_image(name: str) -> None:
    described = read(name)

    assert described.keys() == {"build", "deploy"}
    assert described["build"].keys() <= BUILD
    assert described["deploy"].keys() <= DEPLOY
    assert described["build"]["builder"] == "DOCKERFILE"
    assert (PROJECT / described["build"]["dockerfilePath"]).is_file()
    assert described["deploy"]["restartPolicyType"] in {"ON_FAILURE", "ALWAYS"}


def test_one_service_keeps_its_data_on_a_volume_and_never_runs_twice() -> None:
    deploy = read("railway.toml")["deploy"]

    assert deploy["requiredMountPath"] == "/app/data"
    assert deploy["overlapSeconds"] == 0
    assert "startCommand" not in deploy  # the image's own: web and workers


@pytest.mark.parametrize("name", ["deploy/railway/web.toml", "deploy/railway/worker.toml"])
def test_each_of_two_services_starts_a_program_of_the_image(name: str) -> None:
    deploy = read(name)["deploy"]

    assert deploy["startCommand"].startswith(INIT)
    for command in [deploy["startCommand"].removeprefix(INIT), *deploy.get("preDeployCommand", [])]:
        program, first, *_ = shlex.split(command)
        assert program in PROGRAMS
        assert program != "python" or (PROJECT / Path(first)).is_file()


def test_what_answers_requests_is_asked_whether_it_is_ready() -> None:
    assert [read(name)["deploy"].get("healthcheckPath") for name in FILES] == [
        "/api/v1/readyz",
        "/api/v1/readyz",
        None,
    ]
