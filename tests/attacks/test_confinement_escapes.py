"""What code that has taken over a child tries: past Python, by the C library, where no check of ours looks.

Stands for a memory bug in ffmpeg or libcurl, and for an extractor that runs what it should not. The kernel alone holds.
"""

import ctypes
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from jobs.engine import landlock
from jobs.engine.confinement import Confinement
from tests.attacks.conftest import ALLOWED_ADDRESS, Trap
from tests.jobs.engine.attempts import make_request
from tests.jobs.engine.children import Act, confined
from tests.origin import media
from tests.origin.server import Origin

pytestmark = [
    pytest.mark.slow,
    pytest.mark.usefixtures("warm_engine"),
    pytest.mark.skipif(landlock.version() < 6, reason="this kernel has no Landlock that could hold them"),
]
SECRET = "planted-secret"
PTRACE_ATTACH = 16
libc = ctypes.CDLL(None, use_errno=True)
libc.fopen.restype = ctypes.c_void_p


@pytest.fixture
def installation(tmp_path: Path, work_dir: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A storage directory as it looks in service, with something to steal in every place. `work_dir` lies in it."""
    for name in ("db.sqlite3", "secrets/secret_key", "files/videos/theirs.mp4", "work/req_theirs/media.mp4", ".env"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(SECRET)
    monkeypatch.setenv("SECRET_KEY", SECRET)
    return tmp_path


def ran(request: Any, act: Callable[[], int]) -> int:
    """What a call of the C library gave, in a confined child."""
    return int(confined(request, lambda _: act()))


def denied(answer: int) -> int:
    """The error of a call that failed, 0 of one that succeeded."""
    return ctypes.get_errno() if answer in (-1, 0xFFFFFFFF) else 0


def opened(path: Path | str, flags: int = os.O_RDONLY) -> int:
    return denied(libc.open(os.fsencode(path), flags, 0o600))


@pytest.mark.parametrize(
    "victim",
    [
        "db.sqlite3",
        "secrets/secret_key",
        "files/videos/theirs.mp4",
        "work/req_theirs/media.mp4",
        ".env",
        "work",
        "files",
    ],
)
def test_nothing_of_the_service_can_be_read(victim: str, installation: Path, work_dir: Path) -> None:
    assert ran(make_request("http://a/", work_dir), lambda: opened(installation / victim)) == 13


@pytest.mark.parametrize(
    "victim",
    [
        "/etc/passwd",
        "/etc/shadow",
        "/root",
        "/home",
        "/proc",
        "/proc/self/environ",
        "/proc/self/mem",
        "/proc/1/environ",
        "/var/log",
        "/tmp",
        "/dev/shm",
        "/run",
        "/boot",
        "/etc",
    ],
)
def test_nothing_of_the_machine_can_be_read(victim: str, work_dir: Path) -> None:
    if not Path(victim).exists():
        pytest.skip(f"this machine has no {victim}")
    assert ran(make_request("http://a/", work_dir), lambda: opened(victim)) == 13


@pytest.mark.parametrize("name", ["environ", "mem", "maps", "cmdline", "fd/0", "root/etc/passwd"])
def test_nothing_of_the_worker_can_be_read(name: str, work_dir: Path) -> None:
    victim = f"/proc/{os.getpid()}/{name}"

    assert ran(make_request("http://a/", work_dir), lambda: opened(victim)) == 13


@pytest.mark.parametrize(
    "name", ["db.sqlite3", "files/videos/theirs.mp4", "work/req_theirs/media.mp4", "new", "files/new", "work/new"]
)
def test_nothing_outside_can_be_written(name: str, installation: Path, work_dir: Path) -> None:
    act = lambda: opened(installation / name, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)  # noqa: E731

    assert ran(make_request("http://a/", work_dir), act) == 13
    assert (installation / "db.sqlite3").read_text() == SECRET
    assert not (installation / name).exists() or (installation / name).read_text() == SECRET


@pytest.mark.parametrize(
    ("made", "call"),
    [
        ("a directory", lambda: libc.mkdir(b"inner", 0o700)),
        ("a symlink", lambda: libc.symlink(b"/etc/passwd", b"link.mp4")),
        ("a symlink to a file of its own", lambda: libc.symlink(b"own", b"link.mp4")),
        ("a hard link to the outside", lambda: libc.link(b"../../db.sqlite3", b"link.mp4")),
        ("a pipe", lambda: libc.mkfifo(b"pipe.mp4", 0o600)),
        ("a device", lambda: libc.mknod(b"disk.mp4", 0o060600, (8 << 8))),
        ("a socket", lambda: libc.mknod(b"socket.mp4", 0o140600, 0)),
        ("a file that comes from outside", lambda: libc.rename(b"../../db.sqlite3", b"mine.mp4")),
        ("a file that goes outside", lambda: libc.rename(b"own", b"../../planted")),
        ("a file gone outside", lambda: libc.unlink(b"../../db.sqlite3")),
        ("a truncated file outside", lambda: libc.truncate(b"../../db.sqlite3", 0)),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_nothing_but_plain_files_of_its_own_can_be_made(
    made: str, call: Callable[[], int], installation: Path, work_dir: Path
) -> None:
    (work_dir / "own").write_text("own")

    assert ran(make_request("http://a/", work_dir), lambda: denied(call())) != 0
    assert sorted(path.name for path in work_dir.iterdir()) == ["child.log", "own"]
    assert (installation / "db.sqlite3").read_text() == SECRET


@pytest.mark.parametrize("program", ["/bin/sh", "/bin/true", "/usr/bin/env", sys.executable, "/usr/bin/curl", "./own"])
def test_no_other_program_can_be_started(program: str, work_dir: Path) -> None:
    (work_dir / "own").write_bytes(Path("/bin/true").read_bytes())
    (work_dir / "own").chmod(0o700)
    if not Path(program).exists() and program != "./own":
        pytest.skip(f"this machine has no {program}")
    if program in ("/bin/sh", sys.executable) and media.tools().ffprobe_is_stand_in:
        pytest.skip(f"{program} runs the stand-in for ffprobe, which this machine lacks")

    def act() -> int:
        arguments = (ctypes.c_char_p * 2)(os.fsencode(program), None)
        return denied(libc.execve(os.fsencode(program), arguments, None))

    assert ran(make_request("http://a/", work_dir), act) == 13


def signalled(pid: int) -> int:
    return denied(libc.kill(pid, signal.SIGCONT))


def traced(pid: int) -> int:
    return denied(libc.ptrace(PTRACE_ATTACH, pid, None, None))


def read_memory(pid: int) -> int:
    buffer = ctypes.create_string_buffer(8)
    vector = (ctypes.c_uint64 * 2)(ctypes.addressof(buffer), 8)
    return denied(libc.process_vm_readv(pid, vector, 1, vector, 1, 0))


@pytest.mark.parametrize("attack", [signalled, traced, read_memory])
@pytest.mark.parametrize("whom", ["the worker", "a sibling"])
def test_other_processes_are_out_of_reach(attack: Callable[[int], int], whom: str, work_dir: Path) -> None:
    sibling = subprocess.Popen(["/bin/sleep", "60"])
    try:
        pid = os.getpid() if whom == "the worker" else sibling.pid
        assert ran(make_request("http://a/", work_dir), lambda: attack(pid)) != 0
    finally:
        sibling.kill()
        sibling.wait()


def test_no_abstract_socket_of_others_can_be_reached(work_dir: Path) -> None:
    address = f"\0attacked-{os.getpid()}"

    def act() -> int:
        path = b"\1\0" + address.encode()
        return denied(libc.connect(libc.socket(socket.AF_UNIX, socket.SOCK_STREAM, 0), path, len(path)))

    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(address)
        listener.listen()
        assert ran(make_request("http://a/", work_dir), act) == 1


def test_no_port_can_be_listened_on(work_dir: Path) -> None:
    def act() -> int:
        target = b"\2\0" + (0).to_bytes(2, "big") + bytes([127, 0, 0, 1]) + bytes(8)
        return denied(libc.bind(libc.socket(socket.AF_INET, socket.SOCK_STREAM, 0), target, len(target)))

    assert ran(make_request("http://a/", work_dir), act) == 13


# --- programs that were taken over ---


def unguarded(walls: Confinement) -> None:
    """As if ffmpeg itself had been taken over: what it is told to do is not looked at."""
    walls.programs.without_tcp = frozenset()


@pytest.mark.parametrize("scheme", ["tcp", "http", "https", "ftp", "rtmp", "tls"])
def test_a_program_reaches_nobody_past_the_proxy(scheme: str, trap: Trap, work_dir: Path) -> None:
    def act(walls: Confinement) -> Any:
        unguarded(walls)
        environment = {"PATH": "/usr/bin:/bin"}  # and no proxy
        url = f"{scheme}://127.0.0.1:{trap.port}/a.mp4"
        command = [media.tools().ffmpeg, "-nostdin", "-rw_timeout", "1000000", "-i", url, "-f", "null", "-"]
        return subprocess.run(command, env=environment, capture_output=True, check=False, timeout=20).returncode

    assert confined(make_request("http://a/", work_dir), act) != 0


def test_a_javascript_runtime_reaches_nobody(trap: Trap, site: Origin, work_dir: Path) -> None:
    runtime = media.tools().js_runtime
    if runtime is None or runtime.name != "deno":
        pytest.skip("there is no deno")
    script = f"for (const [h, p] of [['127.0.0.1', {trap.port}], ['{ALLOWED_ADDRESS}', {site.port}]]) \
        try {{ await Deno.connect({{hostname: h, port: p}}); console.log('in'); }} catch (e) {{ console.log(e.name); }}"

    def act(_: Confinement) -> Any:
        command = [str(runtime), "run", "--ext=js", "--no-prompt", "--allow-all", "-"]
        return subprocess.run(command, input=script, capture_output=True, text=True, check=False).stdout.split()

    assert "in" not in confined(make_request("http://a/", work_dir, allow=[site.host]), act)


@pytest.mark.parametrize("victim", ["db.sqlite3", "secrets/secret_key", "work/req_theirs/media.mp4"])
def test_a_program_reads_nothing_of_the_service(victim: str, installation: Path, work_dir: Path) -> None:
    (installation / victim).write_bytes((media.directory() / "video.mp4").read_bytes())

    def act(walls: Confinement) -> Any:
        unguarded(walls)
        command = [media.tools().ffmpeg, "-nostdin", "-i", installation / victim, "-c", "copy", "stolen.mp4"]
        return subprocess.run(command, capture_output=True, check=False, text=True).stderr[-200:]

    assert "Permission denied" in confined(make_request("http://a/", work_dir), act)


# --- secrets and foreign configuration ---


def test_the_first_environment_of_the_worker_is_not_to_be_seen(work_dir: Path) -> None:
    """The kernel shows a forked process what its parent was started with, however its variables changed since."""
    script = """
import sys
from pathlib import Path
from tests.jobs.engine.attempts import make_request
from tests.jobs.engine.children import confined
from jobs.engine import environment, landlock

landlock.give_up()  # it would not even let the child look
own = Path("/proc/self/environ")
child = confined(make_request("http://a/", Path(sys.argv[1])), lambda _: "planted" in own.read_text())
before = "planted" in own.read_text()
environment.hide()
print(child, before, "planted" in own.read_text(), __import__("os").environ["SECRET_KEY"])
"""
    command = [sys.executable, "-c", script, work_dir]
    project = Path(__file__).parent.parent.parent
    told = subprocess.run(
        command, env=os.environ | {"SECRET_KEY": SECRET}, cwd=project, capture_output=True, check=True
    )

    assert told.stdout.decode().split() == ["False", "True", "False", SECRET]


def test_a_program_is_started_without_the_workers_variables(work_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", f"postgres://{SECRET}@host/")

    def act(_: Confinement) -> Any:
        program = subprocess.Popen([media.tools().ffmpeg, "-version"], stdout=subprocess.PIPE)
        shown = Path(f"/proc/{program.pid}/environ").read_text()
        program.communicate()
        return shown

    monkeypatch.setattr(landlock, "is_used", lambda: False)  # it would not let the child look
    shown = confined(make_request("http://a/", work_dir), act)

    assert SECRET not in shown
    assert "YTDLP_NO_PLUGINS=1" in shown


@pytest.mark.parametrize(
    "bait",
    [
        ".netrc",
        "yt-dlp.conf",
        ".config/yt-dlp/config",
        ".config/yt-dlp/plugins/evil/yt_dlp_plugins/extractor/evil.py",
        "yt-dlp-plugins/evil/yt_dlp_plugins/extractor/evil.py",
        "yt_dlp_plugins/extractor/evil.py",
        ".curlrc",
    ],
)
def test_no_configuration_or_plugin_is_loaded(
    bait: str, site: Origin, work_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither from the worker's home, nor from the work directory, which is the child's home."""
    home = work_dir.parent / "home"
    for place in (home, work_dir):
        (place / bait).parent.mkdir(parents=True, exist_ok=True)
        (place / bait).write_text(
            "open('/proc/self/cwd/EVIL', 'w')\nmachine 127.0.0.2 login a password b\n--exec touch\n"
        )
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(home / ".config"))

    def act(_: Confinement) -> Any:
        import yt_dlp
        from yt_dlp.globals import plugin_dirs, plugin_ies

        from jobs.engine import options

        request = make_request(site.url("video.mp4"), work_dir)
        parameters = options.build(request, progress_hook=print, postprocessor_hook=print, logger=None)
        with yt_dlp.YoutubeDL(parameters | {"quiet": True}) as downloader:
            downloader.urlopen(site.url("echo")).read()
        return [list(plugin_ies.value), [str(path) for path in plugin_dirs.value if path != "default"]]

    assert confined(make_request("http://a/", work_dir, allow=[site.host]), act) == [[], []]
    assert all("authorization" not in request.headers for request in site.requests)
    assert not (work_dir / "EVIL").exists()


def test_rights_cannot_be_gained(work_dir: Path) -> None:
    assert ran(make_request("http://a/", work_dir), lambda: libc.prctl(39, 0, 0, 0, 0)) == 1  # PR_GET_NO_NEW_PRIVS


def test_no_memory_is_dumped_and_few_files_are_open(work_dir: Path) -> None:
    def act(_: Confinement) -> Any:
        import resource

        return [resource.getrlimit(kind) for kind in (resource.RLIMIT_CORE, resource.RLIMIT_NOFILE)]

    assert confined(make_request("http://a/", work_dir), act) == [[0, 0], [1024, 1024]]


# --- where the kernel does not help ---

BY_PYTHON: dict[str, Act] = {
    "a shell": lambda _: subprocess.run("true", shell=True, check=True),
    "another program": lambda _: subprocess.run(["/bin/true"], check=True),
    "a fork": lambda _: os.fork(),
    "a file outside": lambda _: Path("../escaped").write_text("x"),
    "a directory": lambda _: Path("inner").mkdir(),
    "a symlink": lambda _: Path("link").symlink_to("/etc/passwd"),
    "a hard link": lambda _: os.link("/etc/passwd", "link"),
    "a connection": lambda _: socket.create_connection(("127.0.0.1", 9)),
}


@pytest.fixture
def _without_landlock(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(landlock, "is_used", lambda: False)


@pytest.mark.usefixtures("_without_landlock")
@pytest.mark.parametrize("attack", BY_PYTHON)
def test_without_landlock_python_still_refuses(attack: str, work_dir: Path) -> None:
    kinds = confined(make_request("http://a/", work_dir), BY_PYTHON[attack])

    assert {"ConfinementError", "EgressDenied"} & set(kinds)
