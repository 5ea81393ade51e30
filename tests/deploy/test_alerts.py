"""The alerts for Prometheus: well-formed, each fires when it should, each leads to what to do."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.journeys.stack import PROJECT

RULES = PROJECT / "deploy" / "prometheus" / "alerts.yml"
CASES = RULES.with_name("alerts.test.yml")


def promtool(*arguments: str | Path) -> None:
    program = shutil.which("promtool")
    if program is None:
        pytest.skip("NO promtool HERE (Debian's package prometheus has it): the alerts are NOT TESTED in this run")
    done = subprocess.run([program, *arguments], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_rules_are_well_formed() -> None:
    promtool("check", "rules", RULES)


def test_each_alert_fires_when_it_should_and_not_otherwise() -> None:
    promtool("test", "rules", CASES)


def test_a_case_that_is_not_met_is_noticed(tmp_path: Path) -> None:
    rules = RULES.read_text().replace("(media_queue_depth) > 100", "(media_queue_depth) > 1000")
    (tmp_path / RULES.name).write_text(rules)
    (tmp_path / CASES.name).write_text(CASES.read_text())

    with pytest.raises(AssertionError, match="MediaQueueLong"):
        promtool("test", "rules", tmp_path / CASES.name)


def test_there_is_a_case_for_each_alert() -> None:
    alerts = re.findall(r"- alert: (\w+)", RULES.read_text())
    cases = CASES.read_text()

    assert len(alerts) >= 9
    assert [alert for alert in alerts if f"alertname: {alert}\n" not in cases] == []


def test_each_alert_leads_to_a_section_of_the_runbook() -> None:
    operations = (PROJECT / "docs" / "operations.md").read_text()
    titles = {
        re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-") for title in re.findall(r"^#+ (.+)$", operations, re.M)
    }
    rules = RULES.read_text()
    links = re.findall(r"runbook_url: docs/operations\.md#(\S+)", rules)

    assert len(links) == rules.count("- alert:")
    assert set(links) <= titles
