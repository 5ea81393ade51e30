import re
from typing import Any
from urllib.parse import urlencode

import pytest
from django.test import Client
from django.urls import reverse

from accounts.models import User
from jobs import archive, expansion, picking
from jobs.models import Batch, Extraction
from jobs.states import BatchKind
from jobs.thumbnails import token_of
from tests.factories import make_user
from tests.media_api.lists import URL, entry, failed, known, read

pytestmark = pytest.mark.django_db

FIRST_PAGE = "1:49"


@pytest.fixture
def browser(client: Client, owner: User) -> Client:
    client.force_login(owner)
    return client


def entries(browser: Client, **query: Any) -> str:
    response = browser.get(f"{reverse('jobs:entries')}?{urlencode({'url': URL, **query})}")
    assert response.status_code == 200
    return response.content.decode()


def numbers(text: str) -> list[int]:
    return [int(number) for number in re.findall(r'id="tile-(\d+)"', text)]


def download(browser: Client, **fields: Any) -> Any:
    return browser.post(reverse("jobs:pick"), {"url": URL, "quality": "best", "items": "1-2", **fields})


def test_a_list_is_read_by_a_worker_while_the_page_asks_again(browser: Client) -> None:
    text = entries(browser)

    assert "Reading the list" in text
    assert 'hx-trigger="load delay:700ms"' in text
    assert Extraction.objects.get().parameters == {"items": FIRST_PAGE}


def test_the_grid_shows_what_the_list_tells(browser: Client, owner: User) -> None:
    picture = "https://pictures.example/1.jpg"
    known(owner, [entry(1, thumbnail=picture, duration=245.0), entry(2)], items=FIRST_PAGE, total=2)

    text = entries(browser)

    shown = ("Film 1", "4:05", "2026-01-02", "1,000 views", "2 entries", 'data-matching="1-2"', token_of(picture))
    assert [part for part in shown if part not in text] == []
    assert (numbers(text), "pictures.example" in text, "revealed" in text) == ([1, 2], False, False)


def test_the_next_page_comes_when_the_end_is_seen(browser: Client, owner: User) -> None:
    known(owner, [entry(number % 28 + 1, playlist_index=number) for number in range(1, 50)], items=FIRST_PAGE, total=60)

    text = entries(browser)

    assert len(numbers(text)) == 48
    assert 'hx-trigger="revealed"' in text
    assert "page=2" in text


def test_what_was_downloaded_before_is_marked(browser: Client, owner: User) -> None:
    archive.add_lines(owner, "a v2", field="text")
    known(owner, [entry(1), entry(2)], items=FIRST_PAGE, total=2)

    text = entries(browser)

    assert text.count("downloaded before") == 1
    assert text.index("downloaded before") > text.index("tile-2")


@pytest.mark.parametrize(
    ("query", "chosen", "matching"),
    [
        ({"words": "FILM 3"}, [3], "3"),
        ({"min_minutes": 2, "max_minutes": 3}, [2, 3], "2-3"),
        ({"date_after": "2026-01-04"}, [4, 5], "4-5"),
        ({"date_before": "2026-01-01"}, [1], "1"),
        ({"min_views": 2000, "max_views": 4000, "sort_by": "view_count"}, [4, 3, 2], "2-4"),
        ({"sort_by": "title"}, [1, 2, 3, 4, 5], "1-5"),
        ({"words": "nothing like it"}, [], ""),
    ],
)
def test_a_list_is_searched_and_filtered_whole(
    browser: Client, owner: User, query: dict[str, Any], chosen: list[int], matching: str
) -> None:
    known(owner, [entry(number) for number in range(1, 6)], total=5)

    text = entries(browser, **query)

    assert numbers(text) == chosen
    assert f'data-matching="{matching}"' in text
    assert f"{len(chosen)} of 5 entries" in text


def test_a_filter_that_makes_no_sense_is_told_and_ignored(browser: Client, owner: User) -> None:
    known(owner, [entry(1)], items=FIRST_PAGE, total=1)

    text = entries(browser, date_after="soon")

    assert numbers(text) == [1]
    assert "Enter a valid date." in text


def test_a_list_that_cannot_be_read_says_why(browser: Client, owner: User) -> None:
    failed(owner, "not_found", "There is nothing at this address.", items=FIRST_PAGE)

    assert "There is nothing at this address." in entries(browser)


def test_a_refused_link_says_why(browser: Client) -> None:
    assert "Downloads from YouTube are turned off here." in entries(browser, url="https://youtu.be/a")


def test_what_is_chosen_becomes_a_batch(browser: Client, owner: User, settings: Any) -> None:
    settings.LIST_WAIT_SECONDS = 0

    response = download(browser, items=" 2, 4", quality="720p", priority="7")

    batch = Batch.objects.get()
    look = read(batch, [entry(2), entry(4)])
    expansion.follow(batch)
    assert response["Location"] == reverse("jobs:batch", args=[batch.public_id])
    assert look.parameters == {"items": "2,4"}
    assert (batch.owner, batch.kind, batch.url, batch.priority) == (owner, BatchKind.PLAYLIST, URL, 7)
    assert [(job.title, job.download_options().quality) for job in batch.jobs.order_by("position")] == [
        ("Film 2", "720p"),
        ("Film 4", "720p"),
    ]


@pytest.mark.parametrize(("tick", "titles"), [({"skip_downloaded": "on"}, ["Film 2"]), ({}, ["Film 1", "Film 2"])])
def test_what_was_downloaded_before_is_left_out_if_wished(
    browser: Client, owner: User, settings: Any, tick: dict[str, str], titles: list[str]
) -> None:
    settings.LIST_WAIT_SECONDS = 0
    archive.add_lines(owner, "a v1", field="text")

    download(browser, **tick)

    batch = Batch.objects.get()
    read(batch, [entry(1), entry(2)])
    expansion.follow(batch)
    assert list(batch.jobs.order_by("position").values_list("title", flat=True)) == titles


@pytest.mark.parametrize("items", ["", "0", "1-", "one", "1,,2", "-3:", "1-2-3", "10-1"])
def test_only_numbers_and_ranges_are_taken(browser: Client, items: str, settings: Any) -> None:
    settings.LIST_WAIT_SECONDS = 0
    response = download(browser, items=items)

    is_open_range = items == "1-"
    assert response.status_code == (302 if is_open_range else 422)
    assert Batch.objects.exists() == is_open_range


def test_a_refusal_stands_on_the_page(browser: Client) -> None:
    response = download(browser, url="https://youtu.be/list")

    assert response.status_code == 422
    assert "Downloads from YouTube are turned off here." in response.content.decode()


def test_other_peoples_lists_are_read_anew(browser: Client) -> None:
    known(make_user(), [entry(1)], items=FIRST_PAGE, total=1)

    assert numbers(entries(browser)) == []


def test_without_a_link_there_is_nothing_to_choose_from(browser: Client) -> None:
    assert browser.get(reverse("jobs:picker"))["Location"] == "/"


def test_the_page_asks_for_its_grid(browser: Client) -> None:
    text = browser.get(reverse("jobs:picker"), {"url": URL}).content.decode()

    assert f'hx-get="{reverse("jobs:entries")}?url=http%3A%2F%2Fa.example%2Flist' in text


@pytest.mark.parametrize(("chosen", "text"), [([], ""), ([4], "4"), ([3, 1, 2], "1-3"), ([1, 3, 4, 9], "1,3-4,9")])
def test_numbers_are_written_as_ranges(chosen: list[int], text: str) -> None:
    assert picking.ranges(chosen) == text
