"""What the kernel's rules say, and what happens on a kernel that has fewer. What they stop is tried in the attacks."""

import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from jobs.engine import landlock, surroundings
from jobs.engine.contract import Tools
from jobs.engine.landlock import EXECUTE, OWN, READ, Access, PathRule
from tests.origin import media

has_landlock = pytest.mark.skipif(landlock.version() < 6, reason="this kernel has no Landlock, or an old one")


@pytest.fixture
def kernel(monkeypatch: pytest.MonkeyPatch) -> Iterator[pytest.MonkeyPatch]:
    """For another version of Landlock; what was given up in the test is taken back."""
    monkeypatch.setattr(landlock, "_given_up", [])
    return monkeypatch


def in_child(rules: tuple[PathRule, ...], program: str) -> int:
    """The status of a Python program under rules that let Python itself start."""
    python = [*rules, *surroundings.rules(Path("/nowhere/work"), media.tools())]
    python += [PathRule(path=os.path.realpath(sys.executable), access=EXECUTE)]
    return subprocess.run(
        [os.path.realpath(sys.executable), "-I", "-S", "-c", program],
        preexec_fn=lambda: landlock.restrict(tuple(python)),
        stderr=subprocess.DEVNULL,
        check=False,
    ).returncode


@has_landlock
@pytest.mark.parametrize(
    ("access", "program", "status"),
    [
        (READ, "open('{path}/a').read()", 0),
        (READ, "open('{path}/a', 'w')", 1),
        (Access.WRITE_FILE, "open('{path}/a').read()", 1),
        (OWN, "open('{path}/a', 'w'); open('{path}/b', 'x')", 0),
        (OWN, "import os; os.mkdir('{path}/c')", 1),
        (Access(0), "open('{path}/a')", 1),
    ],
)
def test_a_rule_allows_what_it_names(access: Access, program: str, status: int, tmp_path: Path) -> None:
    (tmp_path / "a").touch()

    assert in_child((PathRule(path=str(tmp_path), access=access),), program.format(path=tmp_path)) == status


@has_landlock
def test_a_path_that_does_not_exist_allows_nothing_and_disturbs_nobody(tmp_path: Path) -> None:
    assert in_child((PathRule(path=str(tmp_path / "none"), access=OWN),), f"open('{tmp_path}/none', 'x')") == 1


def test_an_older_kernel_is_asked_for_no_more_than_it_knows(kernel: pytest.MonkeyPatch) -> None:
    kernel.setattr(landlock, "version", lambda: 1)
    assert landlock._known(Access.TRUNCATE | Access.READ_FILE | Access.REFER) == Access.READ_FILE
    assert landlock.shortcomings() == "truncating, TCP ports, signals and abstract sockets"

    kernel.setattr(landlock, "version", lambda: 5)
    assert landlock.shortcomings() == "signals and abstract sockets"


def test_a_kernel_without_is_named_and_not_used(kernel: pytest.MonkeyPatch) -> None:
    kernel.setattr(landlock, "version", lambda: 0)

    assert not landlock.is_used()
    assert "no Landlock" in surroundings.trouble(media.tools(), Path("/nowhere/work"))


@has_landlock
def test_all_tools_of_this_machine_start_under_the_rules(kernel: pytest.MonkeyPatch, tmp_path: Path) -> None:
    assert surroundings.trouble(media.tools(), tmp_path / "work") == ""
    assert landlock.is_used()


@has_landlock
def test_the_wheels_ffmpeg_and_the_stand_in_start_under_the_rules(kernel: pytest.MonkeyPatch, tmp_path: Path) -> None:
    import imageio_ffmpeg

    from jobs.engine import ffmpeg

    tools = ffmpeg.find(imageio_ffmpeg.get_ffmpeg_exe(), stand_in_directory=tmp_path / "tools")

    assert tools.ffprobe_is_stand_in
    assert surroundings.trouble(tools, tmp_path / "work") == ""


@has_landlock
def test_tools_that_do_not_start_under_the_rules_are_named_and_the_rules_given_up(
    kernel: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    odd = tmp_path / "ffmpeg"
    odd.write_text(f"#!/bin/sh\nexec {tmp_path}/else\n")
    odd.chmod(0o755)
    (tmp_path / "else").write_bytes(Path("/bin/true").read_bytes())
    (tmp_path / "else").chmod(0o755)

    trouble = surroundings.trouble(replace(media.tools(), ffmpeg=odd, ffprobe=Path("/bin/true")), tmp_path / "work")

    assert trouble == "Landlock is not used, for under it these do not start: ffmpeg"
    assert not landlock.is_used()


def readable(work_root: Path, tools: Tools) -> set[Path]:
    return {Path(rule.path) for rule in surroundings.rules(work_root / "job", tools) if rule.access is READ}


def test_nothing_that_holds_data_is_opened_as_a_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    project = Path(surroundings.__file__).parent.parent.parent
    monkeypatch.setattr(sys, "path", [*sys.path, "", str(project), "/", str(tmp_path)])

    opened = readable(tmp_path / "work", media.tools())

    assert project / "jobs/engine" in opened
    assert not opened & {project, *project.parents, tmp_path, *tmp_path.parents}


def test_an_operators_certificates_can_be_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    certificates = tmp_path / "certificates.pem"
    certificates.touch()
    monkeypatch.setenv("SSL_CERT_FILE", str(certificates))

    assert certificates in readable(tmp_path / "work", media.tools())
