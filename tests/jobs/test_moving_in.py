"""Files of other downloaders, read and brought in."""

import io
import json
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from pytest_django import Settings
from yt_dlp.extractor.youtube import YoutubeTabIE

from accounts.models import User
from jobs import archive
from jobs.models import Batch, Job
from jobs.moving_in import formats
from jobs.moving_in.entries import Entry, FormatRefused, Kind

OPML = """<?xml version="1.0"?><opml version="2.0"><body><outline text="Rivers">
<outline type="rss" text="Slow water" xmlUrl="https://media.example/slow.xml"/>
<outline type="rss" title="Fast water" xmlUrl="https://media.example/fast.xml"/></outline></body></opml>"""


def info(url: str, **fields: Any) -> dict[str, Any]:
    """A record as MeTube 2026 stores it."""
    usual = {
        "id": "id1", "title": "Title", "url": url, "quality": "best", "download_type": "video", "codec": "auto",
        "format": "any", "folder": "", "custom_name_prefix": "", "playlist_item_limit": 0, "split_by_chapters": False,
        "chapter_template": "", "subtitle_language": "en", "subtitle_mode": "prefer_manual", "status": "pending",
    }  # fmt: skip
    return usual | fields


def queue(kind: str, *infos: dict[str, Any]) -> str:
    items = [{"key": one["url"], "info": one} for one in infos]
    return json.dumps({"schema_version": 2, "kind": f"persistent_queue:{kind}", "items": items})


SUBSCRIPTIONS = json.dumps(
    {
        "schema_version": 2,
        "kind": "subscriptions",
        "items": [
            {"id": "a", "name": "Rivers", "url": "https://www.youtube.com/@rivers", "enabled": True, "quality": "720",
             "download_type": "video", "format": "mp4", "folder": "water", "seen_ids": ["a1B2c3D4e5F"]},
        ],
    }
)  # fmt: skip


def read(text: str, form: str = "") -> list[Entry]:
    return list(formats.READERS[form or formats.recognised(text)](text))


@pytest.mark.parametrize(
    ("text", "form"),
    [
        ("https://media.example/1\n# later\nhttps://media.example/2\n", "list"),
        ("url,title\nhttps://media.example/1,One\n", "csv"),
        ("\ufeffTitle;URL\nOne;https://media.example/1\n", "csv"),
        ("url\nhttps://media.example/1\n", "csv"),
        ("sep=;\r\nTitle;URL\r\nOne;https://media.example/1\r\n", "csv"),
        (OPML, "opml"),
        ("youtube a1B2c3D4e5F\nvimeo 42\n", "archive"),
        (queue("queue"), "metube"),
        (SUBSCRIPTIONS, "metube"),
    ],
    ids=[
        "list",
        "csv",
        "csv-semicolon",
        "csv-one-column",
        "csv-excel",
        "opml",
        "archive",
        "metube-queue",
        "metube-subscriptions",
    ],
)
def test_a_file_is_recognised_by_its_beginning(text: str, form: str) -> None:
    assert formats.recognised(text) == form


def test_a_table_gives_links_with_their_titles_qualities_and_lines() -> None:
    first, second = read(
        'Quality,Title,URL\n720p,"One, two",https://media.example/1\n,,\n,Two,https://media.example/2\n'
    )

    assert (first.value, first.title, dict(first.options)) == (
        "https://media.example/1",
        "One, two",
        {"quality": "720p"},
    )
    assert (second.value, second.place, dict(second.options)) == ("https://media.example/2", "line 4", {})


def test_a_table_of_excel_names_its_separator() -> None:
    (only,) = read("\ufeffsep=;\r\nTitle;URL\r\nOne, two;https://media.example/1\r\n")

    assert (only.value, only.title, only.place) == ("https://media.example/1", "One, two", "line 3")


def test_channels_that_youtube_exports_are_lists() -> None:
    (only,) = read("Channel Id,Channel Url,Channel Title\nUCabc,http://www.youtube.com/channel/UCabc,Rivers\n")

    assert (only.kind, only.value, only.title) == (Kind.LIST, "http://www.youtube.com/channel/UCabc", "Rivers")


def test_youtubes_feeds_are_the_channels_and_playlists_that_ytdlp_can_read() -> None:
    feed = '<outline xmlUrl="https://www.youtube.com/feeds/videos.xml?{}"/>'.format
    found = read(f"<opml>{feed('channel_id=UCabc')}{feed('playlist_id=PLabc')}{feed('user=rivers')}</opml>")

    assert [one.value for one in found] == [
        "https://www.youtube.com/channel/UCabc",
        "https://www.youtube.com/playlist?list=PLabc",
        "https://www.youtube.com/user/rivers",
    ]
    assert all(YoutubeTabIE.suitable(one.value) for one in found)


def test_feeds_of_opml_are_lists_however_deep_they_stand() -> None:
    assert [(one.kind, one.value, one.title) for one in read(OPML)] == [
        (Kind.LIST, "https://media.example/slow.xml", "Slow water"),
        (Kind.LIST, "https://media.example/fast.xml", "Fast water"),
    ]


def test_what_metube_was_to_download_keeps_the_options_that_exist_here() -> None:
    film, song = read(
        queue(
            "queue",
            info("https://media.example/1", quality="1080", format="mp4", folder="films"),
            info("https://media.example/2", download_type="audio", format="m4a", quality="best"),
        )
    )

    assert dict(film.options) == {"quality": "1080p", "video_format": "mp4"}
    assert film.notes == ("the folder is not brought in",)
    assert dict(song.options) == {"audio_only": True, "audio_format": "m4a"}


def test_what_metube_has_finished_and_seen_counts_as_downloaded() -> None:
    done = read(
        queue(
            "completed",
            info("https://www.youtube.com/watch?v=a1B2c3D4e5F", status="finished"),
            info("https://youtu.be/bbbbbbbbbbb", status="error"),
            info("https://media.example/3", status="finished"),
            info("https://www.youtube.com/live/ccccccccccc?feature=share", status="finished"),
        )
    )
    subscribed = read(SUBSCRIPTIONS)

    assert [(one.kind, one.value) for one in done] == [
        (Kind.ARCHIVED, "youtube a1B2c3D4e5F"),
        (Kind.ARCHIVED, "youtube ccccccccccc"),
    ]
    assert [(one.kind, one.value) for one in subscribed] == [
        (Kind.LIST, "https://www.youtube.com/@rivers"),
        (Kind.ARCHIVED, "youtube a1B2c3D4e5F"),
    ]


@pytest.mark.parametrize(
    ("text", "form", "words"),
    [
        ("title\nOne\n", "csv", "names no column of links"),
        ('url\n"' + "x" * 200_000 + '"\n', "csv", "after line 1: field larger than"),
        ("<opml><body>", "opml", "no XML"),
        ("<html></html>", "opml", "not <opml>"),
        ('<!DOCTYPE x [<!ENTITY a "b">]><opml>&a;</opml>', "opml", "declares a document type"),
        ("{", "metube", "no JSON"),
        ('{"kind": "other", "items": []}', "metube", "none of MeTube's"),
    ],
)
def test_a_file_that_is_something_else_is_refused_with_a_reason(text: str, form: str, words: str) -> None:
    with pytest.raises(FormatRefused, match=words):
        read(text, form)


@pytest.fixture
def links(tmp_path: Path) -> Path:
    file = tmp_path / "links.txt"
    good = [f"https://media.example/{number}" for number in range(101)]
    file.write_text("\n".join([*good, "https://media.example/0", "not a link", "https://blocked.example/1"]))
    return file


def reported(capsys: pytest.CaptureFixture[str], file: Path, owner: User, *options: str) -> dict[str, Any]:
    call_command("import", str(file), "--user", owner.get_username(), "--json", *options)
    return dict(json.loads(capsys.readouterr().out))


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("text", "place_and_reason"),
    [
        ("url,quality\nhttps://media.example/1,9000p\nhttps://media.example/2,720p\n", "line 2: The quality 9000p is"),
        (
            json.dumps(
                {"kind": "persistent_queue:queue", "items": [{"key": "x"}, {"info": info("https://media.example/2")}]}
            ),
            "item 1: This has no url",
        ),
    ],
    ids=["csv", "metube"],
)
def test_one_wrong_entry_stays_out_alone(
    owner: User, tmp_path: Path, capsys: pytest.CaptureFixture[str], text: str, place_and_reason: str
) -> None:
    file = tmp_path / "some"
    file.write_text(text)

    told = reported(capsys, file, owner)

    assert told["links"] == 1
    (refused,) = told["refused"]
    assert f"{refused['place']}: {refused['message']}".startswith(place_and_reason)


@pytest.mark.django_db
def test_a_file_may_be_handed_in_where_the_service_cannot_see_it(
    owner: User, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(b"youtube one\r\nyoutube two\r\n")))

    assert reported(capsys, Path("-"), owner)["archived"] == 2


@pytest.mark.django_db
def test_text_of_windows_is_read_whichever_way_it_was_saved(
    owner: User, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "archive.txt"
    file.write_bytes("youtube one\r\nyoutube two\r\n".encode("utf-16"))

    assert reported(capsys, file, owner)["archived"] == 2


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("text", "counted"),
    [("# mine\nyoutube one\n# two\n", "archived"), ("# mine\nhttps://media.example/1\n#\n", "links")],
    ids=["archive", "list"],
)
def test_comments_come_in_as_nothing_and_are_counted(
    owner: User, tmp_path: Path, capsys: pytest.CaptureFixture[str], text: str, counted: str
) -> None:
    file = tmp_path / "some.txt"
    file.write_text(text)

    report = reported(capsys, file, owner)

    assert (report[counted], report["comments"], report["refused"]) == (1, 2, [])
    assert "#" not in "".join(archive.lines(owner))


@pytest.mark.django_db
def test_links_become_batches_of_a_hundred_and_what_is_refused_is_named(
    owner: User, links: Path, settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    settings.BLOCKED_DOMAINS = ["blocked.example"]

    report = reported(capsys, links, owner)

    assert (report["links"], report["repeated"], len(report["batches"])) == (101, 1, 2)
    assert [told["place"] for told in report["refused"]] == ["line 103", "line 104"]
    assert "not allowed here" in report["refused"][1]["message"]
    assert Job.objects.filter(owner=owner).count() == 101
    assert {batch.public_id for batch in Batch.objects.all()} == set(report["batches"])


@pytest.mark.django_db
def test_a_rehearsal_reports_the_same_and_changes_nothing(
    owner: User, links: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    known = tmp_path / "archive.txt"
    known.write_text("youtube a1B2c3D4e5F\n")

    assert reported(capsys, links, owner, "--dry-run")["links"] == 102
    assert reported(capsys, known, owner, "--dry-run")["archived"] == 1

    assert not Job.objects.exists()
    assert not Batch.objects.exists()
    assert not archive.of(owner).exists()


@pytest.mark.django_db
def test_an_archive_is_brought_in_once(owner: User, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "archive.txt"
    file.write_text("youtube a1B2c3D4e5F\nvimeo 42\n")

    first = reported(capsys, file, owner)
    second = reported(capsys, file, owner)

    assert (first["archived"], first["known"]) == (2, 0)
    assert (second["archived"], second["known"]) == (0, 2)
    assert archive.known(owner, ["vimeo 42"]) == {"vimeo 42"}


@pytest.mark.django_db
def test_lists_wait_until_somebody_says_how_much_of_them_to_download(
    owner: User, tmp_path: Path, settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    settings.LIST_WAIT_SECONDS = 0
    file = tmp_path / "feeds.opml"
    file.write_text(OPML)

    assert "--latest" in reported(capsys, file, owner)["refused"][0]["message"]
    assert not Batch.objects.exists()

    assert reported(capsys, file, owner, "--latest", "3")["lists"] == 2
    assert [batch.selection["max_downloads"] for batch in Batch.objects.all()] == [3, 3]


@pytest.mark.django_db
def test_a_full_queue_is_told_for_each_link_that_stays_out(
    owner: User, links: Path, settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    settings.QUEUE_LIMIT = 100

    report = reported(capsys, links, owner)

    assert report["links"] == 100
    assert sum("may wait" in told["message"] for told in report["refused"]) == 2


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["links.txt", "--user", "nobody-here"], "There is no user nobody-here"),
        (["missing.txt", "--user", "owner"], "cannot be read: No such file"),
        (["binary", "--user", "owner"], "not text in UTF-8"),
        (["links.txt", "--user", "owner", "--as", "opml"], "cannot be read as opml"),
    ],
    ids=["no-user", "no-file", "binary", "wrong-format"],
)
def test_what_cannot_be_done_is_said_in_a_sentence(owner: User, links: Path, arguments: list[str], words: str) -> None:
    (links.parent / "binary").write_bytes(b"\x89PNG\r\n")
    name, *rest = [owner.get_username() if word == "owner" else word for word in arguments]

    with pytest.raises(CommandError, match=words):
        call_command("import", str(links.parent / name), *rest)


@pytest.mark.django_db
def test_people_read_what_came_of_it(owner: User, links: Path, capsys: pytest.CaptureFixture[str]) -> None:
    call_command("import", str(links), "--user", owner.get_username(), "--dry-run")

    told = capsys.readouterr().out
    assert "Would bring in 102 links" in told
    assert "line 103: not a link:" in told
