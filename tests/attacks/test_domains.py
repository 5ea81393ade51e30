"""Links that lead to where this installation does not go: by name, whatever the address."""

from pathlib import Path
from typing import Any

import pytest
from pytest_django import Settings
from rest_framework.test import APIClient

from accounts.models import User
from jobs import requests
from jobs.engine import domains, supervisor
from jobs.engine.contract import FailureCode, Limits, Options
from jobs.errors import LinkRefused
from jobs.links import accepted_host
from jobs.models import Job
from tests.factories import make_key
from tests.jobs.engine.attempts import Recorder, make_request
from tests.jobs.engine.conftest import *  # noqa: F403
from tests.origin.server import Origin

pytestmark = pytest.mark.slow

DISGUISES = {
    "as it is": "http://blocked.example/v",
    "below it": "http://a.b.blocked.example/v",
    "capital letters": "http://BLOCKED.Example/v",
    "root label": "http://blocked.example./v",
    "a port": "http://blocked.example:8080/v",
    "full-width letters": "http://\uff42locked.example/v",
    "ideographic full stop": "http://blocked\u3002example/v",
    "scheme in capitals": "HTTPS://blocked.example/v",
}
LOOKALIKES = {
    "its name in front": "http://blocked.example.org/v",
    "its name at the end": "http://notblocked.example/v",
    "its name in the path": "http://other.example/blocked.example",
    "its name in the query": "http://other.example/?to=blocked.example",
}


@pytest.mark.parametrize("url", DISGUISES.values(), ids=DISGUISES.keys())
def test_a_blocked_domain_is_refused_in_every_disguise(settings: Settings, url: str) -> None:
    settings.BLOCKED_DOMAINS = ["blocked.example"]

    with pytest.raises(LinkRefused, match="are not allowed here"):
        accepted_host(url)


@pytest.mark.parametrize("url", LOOKALIKES.values(), ids=LOOKALIKES.keys())
def test_what_only_looks_like_a_blocked_domain_is_taken(settings: Settings, url: str) -> None:
    settings.BLOCKED_DOMAINS = ["blocked.example"]

    assert accepted_host(url)


@pytest.mark.parametrize("character", ["\t", "\n", "\r", "\0", "\x1b", "\x7f", "\x85"], ids=ascii)
@pytest.mark.parametrize("url", ["http://oth{}er.example/v", "http://other.example/v{}w", "ht{}tp://other.example/v"])
def test_a_link_that_programs_read_differently_is_refused(url: str, character: str) -> None:
    """Python leaves tabs and line breaks out; others take them, or end the link there."""
    with pytest.raises(LinkRefused, match="control characters"):
        accepted_host(url.replace("{}", character))


def test_a_blocked_domain_below_an_allowed_one_stays_blocked(settings: Settings) -> None:
    settings.ALLOWED_DOMAINS, settings.BLOCKED_DOMAINS = ["example"], ["blocked.example"]

    assert accepted_host("http://other.example/v")
    with pytest.raises(LinkRefused):
        accepted_host("http://www.blocked.example/v")


@pytest.mark.parametrize(
    ("entry", "normal"),
    [
        ("Blocked.EXAMPLE", "blocked.example"),
        ("*.blocked.example", "blocked.example"),
        (".blocked.example.", "blocked.example"),
        ("b\u00fccher.example", "xn--bcher-kva.example"),
        ("[2001:db8::1]", "2001:db8::1"),
    ],
)
def test_an_operators_entry_means_what_links_become(entry: str, normal: str) -> None:
    assert domains.listed([entry]) == [normal]


@pytest.mark.parametrize("entry", ["", "http://blocked.example", "blocked.example/path", "a b", "*"])
def test_an_entry_that_could_match_nothing_stops_the_start(entry: str) -> None:
    with pytest.raises(ValueError, match=r"host name|label|empty|address"):
        domains.listed([entry])


@pytest.mark.django_db
def test_each_link_of_a_batch_is_judged(settings: Settings, owner: User) -> None:
    settings.BLOCKED_DOMAINS = ["blocked.example"]
    api = APIClient(headers={"X-API-Key": make_key(owner)[1]})
    urls = ["http://fine.example/1", "http://m.blocked.example/2", "https://youtu.be/abc"]

    response = api.post("/api/v1/batch/download", {"urls": urls}, format="json")

    assert response.status_code == 422
    assert [entry["field"] for entry in response.json()["error"]["details"]] == ["urls.1", "urls.2"]
    assert not Job.objects.exists()


def test_the_engine_is_told_what_is_blocked(settings: Settings, tmp_path: Path) -> None:
    settings.BLOCKED_DOMAINS, settings.ALLOW_YT_DOWNLOADS = ["blocked.example"], False
    limits = Limits(total_seconds=1, stall_seconds=1, max_file_bytes=1, free_disk_bytes=0, max_memory_bytes=0)
    request: dict[str, Any] = {"work_id": "1", "url": "http://a.example/", "options": Options(), "limits": limits}

    assert {"blocked.example", "youtube.com"} <= set(requests.request_for(**request, work_dir=tmp_path).refused_hosts)
    settings.ALLOW_YT_DOWNLOADS = True
    assert requests.request_for(**request, work_dir=tmp_path).refused_hosts == ("blocked.example",)


@pytest.mark.parametrize("kind", ["media", "playlist", "segment", "redirected media", "subtitles"])
def test_nothing_is_fetched_from_a_refused_host_whatever_names_it(kind: str, origin: Origin, tmp_path: Path) -> None:
    elsewhere = f"http://localhost:{origin.port}"
    redirect = f"http://{origin.host}/redirect?to={elsewhere}/video.mp4"
    playlist = "#EXTM3U\n#EXT-X-TARGETDURATION:9\n#EXTINF:9,\n{}\n#EXT-X-ENDLIST\n"
    origin.pages["/here.m3u8"] = ("application/vnd.apple.mpegurl", playlist.format(f"{elsewhere}/seg.ts").encode())
    track = f'<track kind="subtitles" srclang="en" src="{elsewhere}/subtitles.en.vtt">'
    sources = {
        "media": f'<source src="{elsewhere}/video.mp4" type="video/mp4">',
        "playlist": f'<source src="{elsewhere}/hls/master.m3u8" type="application/x-mpegURL">',
        "segment": '<source src="/here.m3u8" type="application/x-mpegURL">',
        "redirected media": f'<source src="{redirect}" type="video/mp4">',
        "subtitles": f'<source src="/video.mp4">{track}',
    }
    page = f"<html><title>A film</title><body><video>{sources[kind]}</video></body></html>"
    origin.pages["/embedding.html"] = ("text/html", page.encode())
    request = make_request(
        origin.url("embedding.html"),
        tmp_path,
        allow=[origin.host],
        refused_hosts=("localhost",),
        download_subtitles=kind == "subtitles",
    )

    outcome = supervisor.run(request, Recorder())

    assert outcome.failure is not None, outcome
    assert outcome.failure.code is FailureCode.UNSUPPORTED_URL, outcome.failure
    assert "localhost" in outcome.failure.message
    asked = [received.headers.get("host", "") for received in origin.requests]
    assert kind == "redirected media" or not any(host.startswith("localhost") for host in asked)
