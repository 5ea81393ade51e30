from pathlib import Path

from jobs.management.commands.settings_table import settings_table

PROJECT = Path(__file__).resolve().parents[2]


def test_the_documented_settings_are_those_of_the_code() -> None:
    documented = (PROJECT / "docs" / "settings.md").read_text()

    assert documented == settings_table(), "run: make docs"
