"""The dashboard, the alerts and the runbook against a service's live metrics: no query asks for what is not there."""

import json
import os
import re
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import requests
import yt_dlp.version
from prometheus_client.parser import text_string_to_metric_families

from tests.journeys.stack import PROJECT, Stack, free_port
from tests.origin.server import Origin

pytestmark = [pytest.mark.slow, pytest.mark.django_db]

DASHBOARD = PROJECT / "deploy" / "grafana" / "media-downloader.json"
ALERTS = PROJECT / "deploy" / "prometheus" / "alerts.yml"
OPERATIONS = PROJECT / "docs" / "operations.md"
METRICS = "/api/v1/metrics"
SELECTOR = re.compile(r"\b((?:media|django)_\w+)(?:\{([^}]*)\})?")
LABEL = re.compile(r"(\w+)\s*(?:=~|!~|!=|=)")
BLOCK_OF_CODE = re.compile(r"^```.*?^```$", re.DOTALL | re.MULTILINE)
CODE = re.compile(r"`([^`]+)`")
DESCRIBED = re.compile(r"((?:media|django)_\w+)(?:\{([^}=]+)\})?")  # as the table of metrics names them
GROUPING = re.compile(r"\bby \(([^)]*)\)")
OF_PROMETHEUS = {"job", "instance", "le"}
# What a service that is well has none of: crashes, a quota, and failures of codes that did not happen.
MAY_BE_EMPTY = ("media_storage_quota_bytes", "> 0", 'status=~"5.."')


def queries() -> list[str]:
    panels = json.loads(DASHBOARD.read_text())["panels"]
    return [target["expr"] for panel in panels for target in panel.get("targets", ())]


def code_of_operations() -> tuple[list[str], list[str]]:
    """What stands in backquotes before the runbook, and in it."""
    before, _heading, runbook = BLOCK_OF_CODE.sub("", OPERATIONS.read_text()).partition("\n## Runbook\n")
    first, second = ([" ".join(span.split()) for span in CODE.findall(part)] for part in (before, runbook))
    return first, second


def queries_of_runbook() -> list[str]:
    """What an operator pastes into Prometheus; the site of the sentence is the one that failed here."""
    spans = [span for span in code_of_operations()[1] if SELECTOR.search(span)]
    return [span.replace('"SITE"', '"127.0.0.1"') for span in spans]


def expressions_of_alerts() -> str:
    return re.sub(r"\bmedia:\w+(:\w+)?", "recorded", ALERTS.read_text())


@pytest.fixture(scope="module")
def busy(stack: Stack) -> Stack:
    """A service that downloaded a file, failed at one, and answered a request that made a view fail."""
    with Origin() as origin:
        good, bad = stack.submit(origin.url("/video.mp4")), stack.submit(origin.url("/status/404"))
        stack.wait(good, "completed")
        stack.wait(bad, "failed")
    stack.session.get(stack.url("/files/wrong/wrong.mp4"), timeout=10)
    # Figures are remembered for some seconds: those from before the failure, and from before the worker's first sign.
    told = [r'^media_site_failures_total\{.*site="127.0.0.1"\} [1-9]', r"^media_ytdlp_age_days "]
    stack.wait_until(lambda: scrape(stack), lambda text: all(re.search(line, text, re.MULTILINE) for line in told))
    return stack


def scrape(stack: Stack) -> str:
    return str(stack.session.get(stack.url(METRICS), timeout=20).text)


def labels_by_name(text: str) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            found.setdefault(sample.name, set()).update(sample.labels)
    return found


def unknown(expression: str, live: dict[str, set[str]]) -> list[str]:
    """Metrics, and labels of metrics, that the expression names and the service does not have."""
    wrong = []
    known: set[str] = set()
    for name, selector in SELECTOR.findall(expression):
        known |= live.get(name, set())
        labels = set(LABEL.findall(selector)) - OF_PROMETHEUS
        wrong += [name] if name not in live else sorted(f"{name}{{{label}}}" for label in labels - live[name])
    for labels in GROUPING.findall(expression):
        wrong += sorted(f"by {label}" for label in {*re.split(r",\s*", labels)} - known - OF_PROMETHEUS)
    return wrong


def test_a_query_for_what_is_not_there_is_noticed(busy: Stack) -> None:
    live = labels_by_name(scrape(busy))

    assert unknown('sum by (site) (rate(media_jobs{state="queued", sate="x"}[5m])) + media_nothing', live) == [
        "media_jobs{sate}",
        "media_nothing",
        "by site",
    ]


def test_every_query_of_the_dashboard_asks_for_what_is_there(busy: Stack) -> None:
    live = labels_by_name(scrape(busy))

    assert len(queries()) > 30
    wrong = {query: missing for query in queries() if (missing := unknown(query, live))}
    assert {query: missing for query, missing in wrong.items() if "media_storage_quota_bytes" not in missing} == {}


def test_every_alert_asks_for_what_is_there(busy: Stack) -> None:
    live = labels_by_name(scrape(busy))
    names = {name for name, _ in SELECTOR.findall(expressions_of_alerts())}

    assert len(names) > 10
    assert names - set(live) <= {"media_storage_quota_bytes"}


def test_every_query_of_the_runbook_asks_for_what_is_there(busy: Stack) -> None:
    live = labels_by_name(scrape(busy))

    assert len(queries_of_runbook()) > 5
    assert any("topk(" in query for query in queries_of_runbook())
    assert {query: missing for query in queries_of_runbook() if (missing := unknown(query, live))} == {}


def test_every_metric_that_is_described_is_there_with_its_labels(busy: Stack) -> None:
    text = scrape(busy)
    live, declared = labels_by_name(text), set(re.findall(r"^# TYPE (\w+) ", text, re.MULTILINE))
    found = [match for span in code_of_operations()[0] if (match := DESCRIBED.fullmatch(span))]
    described = {match[1]: {*filter(None, (match[2] or "").split(","))} for match in found}

    assert len(described) > 40
    assert set(described) - set(live) - declared <= {"django_db_errors_total"}  # it comes with the first error
    assert {name: labels for name, labels in described.items() if not labels <= live.get(name, labels)} == {}


@contextmanager
def prometheus(directory: Path, target: str) -> Iterator[str]:
    """The address of a Prometheus that scrapes the target each second, by the rules of this project."""
    program = shutil.which("prometheus")
    if program is None:
        pytest.skip("NO prometheus HERE (Debian's package has it): the dashboard's queries are NOT RUN in this run")
    config = {
        "global": {"scrape_interval": "1s", "evaluation_interval": "1s"},
        "rule_files": [str(ALERTS)],
        "scrape_configs": [
            {"job_name": "media-downloader", "metrics_path": METRICS, "static_configs": [{"targets": [target]}]}
        ],
    }
    (directory / "prometheus.yml").write_text(json.dumps(config))  # JSON is YAML
    port = free_port()
    options = [f"--storage.tsdb.path={directory}/data", f"--web.listen-address=127.0.0.1:{port}"]
    with (directory / "log").open("wb") as log:
        process = subprocess.Popen(
            [program, f"--config.file={directory}/prometheus.yml", *options], stdout=log, stderr=log
        )
    try:
        yield f"http://127.0.0.1:{port}/api/v1"
    finally:
        process.terminate()
        process.wait(20)


def ask(address: str, path: str, **parameters: str) -> dict[str, Any]:
    """A Prometheus' answer; nothing while it does not answer yet."""
    try:
        answer = requests.get(f"{address}/{path}", params=parameters, timeout=10)
    except requests.ConnectionError:
        return {}
    if answer.status_code == 503:
        return {}
    assert answer.status_code == 200, answer.text
    return dict(answer.json()["data"])


def filled_in(query: str) -> str:
    return query.replace("$__rate_interval", "1m").replace("$job", ".*").replace("$instance", ".*")


def test_prometheus_answers_every_query_of_the_dashboard_and_the_runbook(busy: Stack, tmp_path: Path) -> None:
    with prometheus(tmp_path, f"127.0.0.1:{busy.port}") as address:
        enough = 'count_over_time(media_site_downloads_total{outcome="failed"}[1m]) > 3'
        busy.wait_until(lambda: ask(address, "query", query=enough).get("result"), bool)

        asked = [*queries(), *queries_of_runbook()]
        results = {query: ask(address, "query", query=filled_in(query))["result"] for query in asked}
        rules = busy.wait_until(
            lambda: [rule for group in ask(address, "rules")["groups"] for rule in group["rules"]],
            lambda rules: bool(rules) and all(rule["health"] == "ok" for rule in rules),
        )

    empty = [query for query, result in results.items() if not result]
    assert [query for query in empty if not any(reason in query for reason in MAY_BE_EMPTY)] == []
    assert [rule["name"] for rule in rules if rule.get("state") == "firing"] == []


def test_the_worker_tells_a_supervisor_and_the_health_what_it_has(busy: Stack) -> None:
    variables = {
        "PATH": os.environ["PATH"],
        "ENV_FILE": os.devnull,
        "STORAGE_DIR": str(busy.directory / "data"),
        "DATABASE_URL": busy.database_url,
    }
    command = [sys.executable, "-W", "ignore", "manage.py", "worker", "--check"]
    done = subprocess.run(command, cwd=PROJECT, env=variables, capture_output=True, text=True, check=False)
    checks = busy.wait_until(
        lambda: busy.call("GET", "/health").json()["checks"], lambda told: "found" in told["ffmpeg"]["message"]
    )

    assert (done.returncode, done.stdout.count("\n")) == (0, 1), done.stdout + done.stderr
    assert done.stdout.startswith(f"ok: {socket.gethostname()}:")
    assert checks["workers"]["message"].startswith("1 alive")
    assert checks["yt_dlp"]["message"].startswith(yt_dlp.version.__version__)
