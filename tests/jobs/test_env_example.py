import os
import re
import subprocess
import sys
from pathlib import Path

from jobs.management.commands.env_example import env_example

PROJECT = Path(__file__).resolve().parents[2]
EXAMPLE = PROJECT / ".env.example"
SETTING = re.compile(r"^#(?=[A-Z0-9_]+=)", re.MULTILINE)
SHOW = "from django.conf import settings; print(settings.PORT)"


def test_the_example_names_every_setting_of_the_code() -> None:
    assert EXAMPLE.read_text() == env_example(), "run: make docs"


def test_the_service_starts_with_every_line_of_the_example_taken_as_it_stands(tmp_path: Path) -> None:
    chosen = SETTING.sub("", EXAMPLE.read_text()).replace("\nENVIRONMENT=production\n", "\nENVIRONMENT=mine\n")
    (tmp_path / ".env").write_text(chosen.replace("PORT=8080", "PORT=8099"))

    done = subprocess.run(
        [sys.executable, "manage.py", "shell", "--no-imports", "-c", SHOW],
        cwd=PROJECT,
        env={
            "PATH": os.environ["PATH"],
            "ENV_FILE": str(tmp_path / ".env"),
            "STORAGE_DIR": str(tmp_path),
            "DATABASE_URL": f"sqlite:///{tmp_path}/db.sqlite3",
        },
        capture_output=True,
        text=True,
        check=False,
    )

    assert (done.returncode, done.stdout.strip()) == (0, "8099"), done.stderr
