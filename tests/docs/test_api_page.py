"""docs/api.md: each of its three programs runs against the real service, and shows every call that there is."""

import re
import shutil
from pathlib import Path

import pytest
from drf_spectacular.generators import SchemaGenerator

from media_api.errors import MEANINGS
from tests.deploy.documents import PROJECT
from tests.docs.blocks import program, replaced, run
from tests.journeys.stack import API_KEY, Stack
from tests.origin.server import Origin
from tests.receiver import Receiver

LANGUAGES = ("sh", "python", "js")
PLACES = {
    "https://media.example.org/watch/42": "/video.mp4",
    "https://media.example.org/watch/43": "/slow/100000/big.mp4",
    "https://media.example.org/list": "/feeds/3.xml",
    "https://media.example.org/@rivers": "/feeds/channel.xml",
}
ELSEWHERE = {
    ("GET", "/files/{token}/{name}"),
    ("GET", "/files/shared/{token}/{name}"),
    ("GET", "/version"),
    ("GET", "/api/v1/metrics"),
}
CALL = re.compile(
    r"""(?:call|send)\(?\s*["']?(GET|POST|PATCH|DELETE)["']?,?\s+[f"'`]*(/[^\s"'`?|)]*)"""  # of all three languages
)


@pytest.mark.slow
@pytest.mark.django_db
@pytest.mark.parametrize("language", LANGUAGES)
def test_the_examples_run_as_they_stand(language: str, stack: Stack, origin: Origin, tmp_path: Path) -> None:
    if language == "js" and shutil.which("node") is None:
        pytest.skip("node is not installed")
    code = program("api.md", language)
    if language == "sh":
        code = replaced(code, {"http://localhost:8080": stack.url(""), "mdl_…": API_KEY})
    for address, path in PLACES.items():
        code = code.replace(address, origin.url(path))
    with Receiver() as receiver:
        code = code.replace("https://hooks.example.org/media", receiver.url())
        code = code.replace("media.example.org", "127.0.0.1")  # what is left: the domain of a cookie

        done = run(tmp_path, language, code, API=stack.url("/api/v1"), KEY=API_KEY)

    assert done.returncode == 0, done.stdout + done.stderr
    film = (tmp_path / "film.mp4").read_bytes()
    assert film[4:8] == b"ftyp"


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_call_of_the_description_is_shown(language: str) -> None:
    described = SchemaGenerator().get_schema(request=None, public=True)["paths"]  # type: ignore[no-untyped-call]
    offered = {(method.upper(), path) for path, methods in described.items() for method in methods}
    offered = {one for one in offered - ELSEWHERE if one[1].startswith("/api/v1")}
    shown = {(method, _placeholders(path)) for method, path in CALL.findall(program("api.md", language))}

    missing = {one for one in offered if (one[0], _placeholders(one[1].removeprefix("/api/v1"))) not in shown}

    assert missing == set()


def _placeholders(path: str) -> str:
    """The path with `*` for every part that varies, however the language writes it."""
    path = re.sub(r"\$?\{[^}]*\}|\$\w+", "*", path)
    return path.replace("youtube/a1B2c3D4e5F", "*/*")


def test_the_table_of_errors_is_that_of_the_code() -> None:
    text = (PROJECT / "docs" / "api.md").read_text()
    rows = re.findall(r"^\| `([A-Z_]+)` \| ([\d, ]+) \| (.*) \|$", text, re.MULTILINE)

    assert rows == [
        (code.value, ", ".join(map(str, meaning.statuses)), meaning.text)
        for code, meaning in MEANINGS.items()
        if not meaning.is_reserved
    ]
