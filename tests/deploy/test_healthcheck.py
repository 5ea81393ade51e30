"""scripts/healthcheck in the three kinds of container: web, worker, and one that does not work."""

import os
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from jobs.models import Worker
from jobs.queue.process import HOST
from tests.deploy.documents import PROJECT
from tests.journeys.stack import Stack, free_port


def checked(**variables: str) -> "subprocess.CompletedProcess[str]":
    environment = {"PATH": os.environ["PATH"], "ENV_FILE": os.devnull, **variables}
    command = [sys.executable, str(PROJECT / "scripts" / "healthcheck")]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)


@pytest.mark.slow
@pytest.mark.django_db
def test_a_web_server_that_is_ready_is_healthy_under_whatever_name_it_answers_to(stack: Stack) -> None:
    assert checked(PORT=str(stack.port)).returncode == 0

    unknown = checked(PORT=str(stack.port), PUBLIC_URL="https://unknown.example")
    assert (unknown.returncode, unknown.stderr.strip()) == (1, "the web server answers with 400")


def test_where_nothing_runs_it_fails_and_says_why(tmp_path: Path) -> None:
    done = checked(STORAGE_DIR=str(tmp_path), PORT=str(free_port()))

    assert done.returncode == 1
    assert "The database does not answer" in done.stderr


@pytest.mark.django_db
def test_a_worker_of_this_host_counts_while_it_gives_signs_of_life(capsys: pytest.CaptureFixture[str]) -> None:
    worker = Worker.objects.create(name="one", host=HOST, slots=1)
    Worker.objects.create(name="other", host="another-host", slots=1)
    call_command("worker_health")
    assert "alive" in capsys.readouterr().out

    Worker.objects.filter(pk=worker.pk).update(seen_at=timezone.now() - timedelta(minutes=5))
    with pytest.raises(CommandError, match="No worker"):
        call_command("worker_health")
