import re
from datetime import timedelta
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts.models import CookieJar, User
from accounts.vault import Sealed
from jobs.models import Batch, Extraction, Job
from jobs.states import BatchKind, ExtractionState
from jobs.thumbnails import token_of
from tests.factories import make_user
from tests.jobs.looks import LINK, asked, picture, read, sound, video

pytestmark = pytest.mark.django_db

HTMX = {"HX-Request": "true"}


@pytest.fixture
def browser(client: Client, owner: User) -> Client:
    client.force_login(owner)
    return client


def submit(browser: Client, url: str = LINK, **fields: Any) -> Any:
    return browser.post(reverse("jobs:submit"), {"url": url, "quality": "best", **fields}, headers=HTMX)


def look(browser: Client, url: str = LINK, **fields: Any) -> str:
    response = browser.post(reverse("jobs:look"), {"url": url, "quality": "best", **fields}, headers=HTMX)
    assert response.status_code == 200
    return flat(response)


def flat(response: Any) -> str:
    """The page with its white space evened out."""
    return " ".join(response.content.decode().split())


def ticked(text: str) -> list[str]:
    return re.findall(r'value="([^"]*)" id="[^"]*" checked', text)


def test_several_links_become_one_batch(browser: Client, owner: User) -> None:
    response = submit(browser, f"# films\n{LINK}\nmedia.example/w  {LINK}\n")

    batch = Batch.objects.get()
    assert response.status_code == 200
    assert (batch.owner, batch.kind) == (owner, BatchKind.LINKS)
    assert [job.url for job in batch.jobs.order_by("position")] == [LINK, "https://media.example/w"]
    assert batch.jobs.first().options["path_template"].startswith("batch/")


def test_every_refused_link_of_many_is_named_with_its_line(browser: Client) -> None:
    response = submit(browser, f"{LINK}\nhttps://youtu.be/a\nftp://media.example/x")

    text = response.content.decode()
    assert response.status_code == 422
    assert "Line 2: Downloads from YouTube are turned off here." in text
    assert "Line 3: A link starts with http:// or https://" in text
    assert not Job.objects.exists()


def test_links_come_from_a_text_file_too(browser: Client) -> None:
    file = SimpleUploadedFile("links.txt", f"\ufeff{LINK}\nhttps://media.example/w\n".encode())

    submit(browser, "", file=file)

    assert sorted(Job.objects.values_list("url", flat=True)) == [LINK, "https://media.example/w"]


def test_a_file_that_is_no_text_is_refused_at_its_field(browser: Client) -> None:
    response = submit(browser, "", file=SimpleUploadedFile("links.txt", b"\xff\xfe\x00h"))

    assert response.status_code == 422
    assert "This file is not text." in response.content.decode()


def test_too_many_links_are_refused(browser: Client) -> None:
    response = submit(browser, "\n".join(f"{LINK}{number}" for number in range(101)))

    assert "these are 101" in response.content.decode()
    assert not Job.objects.exists()


def test_every_choice_reaches_the_job(browser: Client, owner: User) -> None:
    jar = CookieJar.objects.create(owner=owner, name="mine", content=Sealed.of("x"))
    chosen = {
        "quality": "720p", "subtitles": ["en", "auto:de"], "subtitle_place": "both", "subtitle_format": "vtt",
        "video_format": "mkv", "audio_format": "opus", "audio_quality": "320", "embed_thumbnail": "on",
        "clip_start": "1:00", "clip_end": "90", "sponsorblock_remove": ["intro", "outro"], "split_chapters": "on",
        "cookies_id": jar.public_id, "priority": "8", "path_template": "mine/{id}.{ext}", "write_info_json": "on",
    }  # fmt: skip

    assert submit(browser, **chosen).status_code == 200

    job = Job.objects.get()
    options = job.download_options()
    assert (job.priority, job.cookie_jar, options.path_template) == (8, jar, "mine/{id}.{ext}")
    assert (options.subtitle_languages, options.auto_subtitles) == (("en", "de"), True)
    assert (options.download_subtitles, options.embed_subtitles, options.subtitle_format) == (True, True, "vtt")
    assert (options.video_format, options.audio_format, options.audio_quality) == ("mkv", "opus", "320")
    assert (options.clip_start, options.clip_end) == (60.0, 90.0)
    assert options.sponsorblock_remove == ("intro", "outro")
    assert (options.embed_thumbnail, options.split_chapters, options.write_info_json) == (True, True, True)
    assert (options.quality, options.embed_metadata) == ("720p", False)


@pytest.mark.parametrize(
    ("field", "value", "sentence"),
    [
        ("clip_start", "soon", "A time is a number of seconds"),
        ("path_template", "{nobody}.{ext}", "nobody"),
        ("custom_format", "best[", "format"),
        ("subtitles", "not-a-!", "is not a language code"),
        ("cookies_id", "cookie_of_others", "not one of the available choices"),
        ("priority", "11", "not one of the available choices"),
    ],
)
def test_a_wrong_choice_is_told_at_its_field(browser: Client, field: str, value: str, sentence: str) -> None:
    response = submit(browser, **{field: value})

    assert response.status_code == 422
    assert sentence in response.content.decode()
    assert not Job.objects.exists()


def test_other_peoples_cookies_are_not_offered(browser: Client) -> None:
    jar = CookieJar.objects.create(owner=make_user(), name="theirs", content=Sealed.of("x"))

    assert submit(browser, cookies_id=jar.public_id).status_code == 422
    assert "theirs" not in browser.get("/").content.decode()


def test_choices_are_remembered_for_the_next_time(browser: Client) -> None:
    submit(browser, quality="480p", video_format="mkv", subtitles="de", clip_start="5")

    text = flat(browser.get("/"))
    assert 'value="480p" id="quality-480p" checked' in text
    assert '<option value="mkv" selected>' in text
    assert 'id="subtitles-written" value="de"' in text
    assert re.search(r'name="clip_start"[^>]*value=', text) is None


@pytest.mark.parametrize("cookie", ["%7B", "[1]", '{"quality": "9k", "priority": {"a": 1}}', '{"video_format": 5}'])
def test_a_cookie_that_makes_no_sense_changes_nothing(browser: Client, cookie: str) -> None:
    browser.cookies["choices"] = cookie

    assert 'value="best" id="quality-best" checked' in flat(browser.get("/"))


def test_a_link_in_the_address_comes_filled_in(browser: Client) -> None:
    assert f"{LINK}</textarea>" in browser.get("/", {"url": LINK}).content.decode()


def test_a_look_asks_a_worker_and_does_not_wait(browser: Client, owner: User) -> None:
    text = look(browser)

    question = Extraction.objects.get()
    assert (question.owner, question.url, question.state) == (owner, LINK, ExtractionState.QUEUED)
    assert f'hx-get="{reverse("jobs:reading", args=[question.public_id])}"' in text
    assert 'aria-busy="true"' in text


def test_while_a_page_is_read_the_fragment_stays_as_it_is(browser: Client, owner: User) -> None:
    path = reverse("jobs:reading", args=[asked(owner).public_id])

    assert browser.get(path).status_code == 204


def test_a_page_that_nobody_reads_is_given_up(browser: Client, owner: User) -> None:
    path = reverse("jobs:reading", args=[asked(owner, created_at=timezone.now() - timedelta(minutes=2)).public_id])

    text = browser.get(path).content.decode()
    assert "did not answer in time" in text
    assert "hx-get" not in text


def test_other_peoples_questions_do_not_exist(browser: Client) -> None:
    assert browser.get(reverse("jobs:reading", args=[asked(make_user()).public_id])).status_code == 404


def test_what_was_read_is_shown_with_sizes_and_languages(browser: Client, owner: User) -> None:
    address = "https://pictures.example/1.jpg"
    formats = (sound(tbr=80), picture(360, filesize=2_000_000), picture(1080, filesize=9_000_000))
    languages = {"subtitles": {"de": ["vtt"]}, "automatic_captions": {"de": ["vtt"], "fr": ["vtt"]}}
    read(owner, video(*formats, metadata={"thumbnail": address}, **languages))

    text = look(browser)

    shown = ("Boats &amp; ships", "1 min 40 s", "Somebody", token_of(address), "≈ 9.5 MB", "≈ 2.9 MB", "≈ 976.6 KB")
    assert [part for part in shown if part not in text] == []
    assert re.findall(r'name="quality" value="(\w+)"', text) == ["best", "1080p", "360p", "audio"]
    assert re.findall(r'name="subtitles" value="([\w:]+)"', text) == ["de", "auto:fr"]
    assert "pictures.example" not in text


def test_what_somebody_chose_outlives_the_reading(browser: Client, owner: User) -> None:
    read(owner, video(picture(360, filesize=1), subtitles={"de": ["vtt"], "en": ["vtt"]}))

    assert ticked(look(browser, quality="720p", subtitles="en")) == ["720p", "en"]


def test_a_list_can_be_taken_whole_or_chosen_from(browser: Client, owner: User) -> None:
    read(owner, video(is_playlist=True, playlist_count=12))

    text = look(browser)

    assert "List with 12 entries" in text
    assert 'name="whole_list"' in text
    assert f"{reverse('jobs:picker')}?url=https%3A%2F%2Fmedia.example%2Fv" in text


def test_a_whole_list_becomes_a_batch(browser: Client, settings: Any) -> None:
    settings.LIST_WAIT_SECONDS = 0

    assert submit(browser, whole_list="on").status_code == 200

    batch = Batch.objects.get()
    assert (batch.kind, batch.url, batch.is_expanded) == (BatchKind.PLAYLIST, LINK, False)


def test_a_link_that_is_refused_is_told_before_it_is_sent(browser: Client) -> None:
    assert "Downloads from YouTube are turned off here." in look(browser, "https://youtu.be/a")
    assert not Extraction.objects.exists()


def test_many_links_are_counted_and_not_read(browser: Client) -> None:
    assert "2 links, as one batch" in look(browser, f"{LINK}\nhttps://media.example/w")
    assert not Extraction.objects.exists()


def test_a_failed_reading_says_why(browser: Client, owner: User) -> None:
    asked(
        owner,
        state=ExtractionState.FAILED,
        error="There is nothing at this address.",
        error_code="not_found",
        expires_at=timezone.now() + timedelta(minutes=1),
    )

    assert "There is nothing at this address." in look(browser)
