"""Executes the steps of a Dockerfile in Debian roots, a chroot for each stage.

Reads only the instructions and forms that this project's Dockerfile uses, and refuses any other.
"""

import fnmatch
import os
import re
import shlex
import shutil
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[2]
SUITE = "bookworm"
LENT_CERTIFICATES = "lent-certificates.pem"
MACHINE_FILES = ("/etc/resolv.conf", "/etc/hosts", "/etc/pip.conf", "/etc/ssl/certs/ca-certificates.crt")
MACHINE_DIRECTORIES = ("/etc/apt/apt.conf.d", "/etc/apt/sources.list.d")


@dataclass
class Stage:
    """A root directory, and what its instructions left for those that follow."""

    root: Path
    variables: dict[str, str] = field(default_factory=dict)
    directory: str = "/"
    user: str = "0:0"
    last: dict[str, str] = field(default_factory=dict)  # CMD, ENTRYPOINT, HEALTHCHECK


def instructions(text: str) -> list[tuple[str, str]]:
    """The Dockerfile as pairs of word and rest, comments gone, continued lines joined."""
    lines = [line for line in text.splitlines() if not line.lstrip().startswith("#")]
    joined = re.sub(r"\\\n\s*", " ", "\n".join(lines))
    parted = (line.partition(" ") for line in joined.split("\n"))
    return [(word.upper(), rest.strip()) for word, _, rest in parted if word]


def build(work: Path) -> Stage:
    """Every stage in turn. Returns the last."""
    stages: dict[str, Stage] = {}
    stage = Stage(work)
    for word, rest in instructions((PROJECT / "Dockerfile").read_text()):
        if word == "FROM":
            source, _, name = rest.partition(" AS ")
            stage = begun(work / (name or "image"), source, stages)
            stages[name] = stage
        else:
            print(f"  {word} {rest[:100]}", flush=True)
            execute(stage, word, rest, stages)
    return stage


def begun(root: Path, source: str, stages: dict[str, Stage]) -> Stage:
    print(f"FROM {source}", flush=True)
    if source in stages:
        before = stages[source]
        run("cp", "-a", str(before.root), str(root))
        return Stage(root, dict(before.variables), before.directory, before.user, dict(before.last))
    if not source.startswith("debian:12"):
        sys.exit(f"The proof knows no base but Debian 12, not {source}.")
    bare = root.with_name("debian")  # kept: a second run begins with it
    if not (bare / "etc" / "debian_version").is_file():
        run("debootstrap", "--variant=minbase", SUITE, str(bare))
        leave_out_as_slim_does(bare)
    run("cp", "-a", str(bare), str(root))
    lend_network(root)
    return Stage(root, {"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"})


def execute(stage: Stage, word: str, rest: str, stages: dict[str, Stage]) -> None:
    if word in ("CMD", "ENTRYPOINT", "HEALTHCHECK"):
        stage.last[word] = rest
    elif word == "ENV":
        for assignment in shlex.split(rest):
            name, _, value = assignment.partition("=")
            stage.variables[name] = value.replace("$PATH", stage.variables["PATH"])
    elif word == "WORKDIR":
        stage.directory = rest
        (stage.root / rest.lstrip("/")).mkdir(parents=True, exist_ok=True)
    elif word == "USER":
        stage.user = rest
    elif word == "RUN":
        chroot(stage, ["/bin/sh", "-c", rest])
    elif word == "COPY":
        copy(stage, shlex.split(rest), stages)
    elif word not in ("ARG", "LABEL", "EXPOSE", "VOLUME"):  # nothing of these happens in a root
        sys.exit(f"The proof does not know the instruction {word}.")


def copy(stage: Stage, words: list[str], stages: dict[str, Stage]) -> None:
    *sources, target = words
    if sources[0].startswith("--from="):
        origin = stages[sources.pop(0).removeprefix("--from=")].root
        (stage.root / target.lstrip("/")).parent.mkdir(parents=True, exist_ok=True)
        run("cp", "-a", str(origin / sources[0].lstrip("/")), str(stage.root / target.lstrip("/")))
        return
    into = stage.root / target.lstrip("/")
    for name in context():
        if sources == ["."] or name in sources:
            (into / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(PROJECT / name, into / name)


def context() -> list[str]:
    """What an engine would be sent: the files that git knows, less those that .dockerignore names."""
    ignored = [line for line in (PROJECT / ".dockerignore").read_text().splitlines() if line and line[0] != "#"]
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        cwd=PROJECT, capture_output=True, text=True, check=True,
    ).stdout.splitlines()  # fmt: skip
    return [name for name in listed if (PROJECT / name).is_file() and not any(matches(name, one) for one in ignored)]


def matches(name: str, pattern: str) -> bool:
    if pattern.startswith("**/"):
        return any(fnmatch.fnmatch(part, pattern[3:]) for part in name.split("/"))
    return fnmatch.fnmatch(name, pattern) or fnmatch.fnmatch(name.partition("/")[0], pattern)


def chroot(stage: Stage, command: list[str]) -> None:
    assignments = [f"{name}={value}" for name, value in {**lent_variables(), **stage.variables}.items()]
    inside = f'mount -t proc proc {stage.root}/proc; mount --rbind /dev {stage.root}/dev; exec "$@"'
    user = ["--userspec", stage.user] if stage.user != "0:0" else []
    enter = ["chroot", *user, str(stage.root), "/usr/bin/env", "-i", "-C", stage.directory, *assignments, *command]
    run("unshare", "--mount", "--pid", "--fork", "sh", "-c", inside, "sh", *enter)


def leave_out_as_slim_does(root: Path) -> None:
    """Images named slim hold no translations, manuals and documents but licences, and no package gets them later."""
    excluded = [f"path-exclude /usr/share/{name}/*" for name in ("doc", "info", "locale", "man")]
    kept = ["path-include /usr/share/doc/*/copyright", "path-include /usr/share/locale/locale.alias"]
    (root / "etc" / "dpkg" / "dpkg.cfg.d" / "docker").write_text("\n".join([*excluded, *kept, ""]))
    for name in ("info", "locale", "man"):
        shutil.rmtree(root / "usr" / "share" / name)
        (root / "usr" / "share" / name).mkdir()
    for path in (root / "usr" / "share" / "doc").rglob("*"):
        if not path.is_dir() and path.name != "copyright":
            path.unlink()


def lend_network(root: Path) -> None:
    """What an engine and its host give a build besides: names, certificates and where packages come from."""
    for path in MACHINE_FILES:
        if Path(path).is_file():
            (root / path[1:]).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(path, root / path[1:])
    if "PIP_CERT" in os.environ:
        shutil.copy(os.environ["PIP_CERT"], root / LENT_CERTIFICATES)
    for path in MACHINE_DIRECTORIES:
        shutil.copytree(path, root / path[1:], dirs_exist_ok=True)


def lent_variables() -> dict[str, str]:
    """The machine's proxies, and its certificates where it has its own."""
    proxies = {name: value for name, value in os.environ.items() if name.lower().endswith("_proxy")}
    return {**proxies, **({"PIP_CERT": f"/{LENT_CERTIFICATES}"} if "PIP_CERT" in os.environ else {})}


def run(*command: str) -> None:
    done = subprocess.run(command, check=False)
    if done.returncode:
        sys.exit(f"failed with {done.returncode}: {shlex.join(command)[:300]}")


def bytes_in(root: Path) -> int:
    """What the files take, each counted once however many names it has."""
    seen: dict[tuple[int, int], int] = {}
    for directory, _, names in os.walk(root):
        for name in names:
            status = (Path(directory) / name).lstat()
            seen[status.st_dev, status.st_ino] = status.st_size
    return sum(seen.values())
