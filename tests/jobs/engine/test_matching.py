"""Whatever the index leaves out, yt-dlp must choose as it would without it."""

import random
import re
import sys
from collections.abc import Iterable
from typing import Any

import pytest
import yt_dlp
from yt_dlp.extractor import gen_extractor_classes
from yt_dlp.extractor.common import InfoExtractor

from jobs.engine import matching

HOSTILE = (
    "",
    "x",
    "://",
    "http://",
    "https://[::1",
    "HTTPS://WWW.YOUTUBE.COM/WATCH?V=BaW_jenozKc",
    "https://youtu.be/BaW_jenozKc#__youtubedl_smuggle=%7B%7D",
    "https://WWW.Da\u0130lyMot\u0131on.com/v\u0131deo/x1",
    "https://soundcloud.com/a/b\u017fets",
    "https://tw\u0130tch.tv/v\u0130deos/1",
    "ytsearch:films",
    "ytsearch5:films",
    "\ufeffhttps://www.youtube.com/watch?v=BaW_jenozKc",
    "https://example.org/" + "a/" * 5000,
    "https://example.org/watch?v=video&list=embed/playlist/channel.html",
    "https://peertube.example.org/videos/watch/9c9de5e8-0a1e-484a-b099-e80766180a6d",
    "http://127.0.0.1:8000/video.mp4",
    "magnet:?xt=urn:btih:0",
    "https://xn--mgbh0fb.example/فيلم?q=音",
    "a\nhttps://vimeo.com/1",
    "https://vimeo.com/1\n",
)


def chosen(extractors: Iterable[Any], url: str) -> str:
    return next((str(extractor.ie_key()) for extractor in extractors if _is_suitable(extractor, url)), "")


def _is_suitable(extractor: Any, url: str) -> bool:
    try:
        return bool(extractor.suitable(url))
    except ValueError:  # what urllib has against a link; both ways meet it
        return False


@pytest.fixture(scope="module")
def cases() -> list[tuple[str, str]]:
    """Keys of extractors, and the links that their authors test them with."""
    found = []
    for extractor in matching.index().in_order:
        for case in extractor.real_class().get_testcases(include_onlymatching=True):
            found.append((extractor.ie_key(), case["url"]))
    assert len(found) > 4000
    return found


@pytest.fixture(scope="module")
def sampled(cases: list[tuple[str, str]]) -> list[str]:
    return [url for _, url in random.Random(1).sample(cases, 250)]


def test_every_extractor_is_a_candidate_for_its_own_links(cases: list[tuple[str, str]]) -> None:
    index = matching.index()

    missed = [
        (key, url)
        for key, link in cases
        for url in (link, link.upper(), link.swapcase())
        if _is_suitable(index.by_key[key], url) and index.by_key[key] not in index.candidates(url)
    ]

    assert not missed


@pytest.mark.parametrize("url", HOSTILE)
def test_an_odd_link_goes_where_it_would_without_the_index(url: str) -> None:
    index = matching.index()

    assert chosen(index.candidates(url), url) == chosen(index.in_order, url)


def test_sampled_links_go_where_they_would_without_the_index(sampled: list[str]) -> None:
    index = matching.index()

    assert [chosen(index.candidates(url), url) for url in sampled] == [chosen(index.in_order, url) for url in sampled]


@pytest.mark.slow
def test_all_links_go_where_they_would_without_the_index(cases: list[tuple[str, str]]) -> None:
    index = matching.index()

    for _, url in cases:
        assert chosen(index.candidates(url), url) == chosen(index.in_order, url), url


def test_few_extractors_are_asked(sampled: list[str]) -> None:
    index = matching.index()

    assert len(index.everywhere) < 30
    assert max(len(index.candidates(url)) for url in sampled) < 60


def test_the_order_is_that_of_yt_dlp() -> None:
    index = matching.index()

    assert index.in_order == tuple(extractor for extractor in gen_extractor_classes() if extractor._ENABLED)
    assert index.candidates("https://example.org/a.mp4")[-1].ie_key() == "Generic"


def test_folding_covers_every_character_that_a_pattern_without_case_takes_for_ascii() -> None:
    everything = "".join(map(chr, range(0xD800))) + "".join(map(chr, range(0xE000, sys.maxunicode + 1)))

    for letter in "abcdefghijklmnopqrstuvwxyz":
        assert {matching.fold(twin) for twin in re.findall(letter, everything, re.IGNORECASE)} == {letter}


@pytest.mark.parametrize(
    ("pattern", "texts"),
    [
        (r"https?://(?:www\.)?films\.example/(?P<id>\d+)", {"films.example/"}),
        (r"https?://(?:www\.)?(?:films|clips)\.example/watch", {".example/watch"}),
        (r"https?://(?:films\.one|(?:www\.)?clips\.two)/(?P<id>\d+)", {"films.one", "clips.two"}),
        (r"https?://(?:films\.one|\w+)/", None),
        (r"https?://[^/]+\.com/", None),
        (r"https?://(?:films\.example)?/\d", None),
        (r"(?:films){2}\d", {"films"}),
        (r"(?:films){0,2}\d", None),
        (r"(?i)FILMS\.example", {"films.example"}),
        (r"(?x) fil  ms # commented", {"films"}),
        (r"https?://(?!films\.example)\w+/", None),
        (r"https?://(?=films\.example)\w+/", None),
        (r"fil(?:ms)\.exa(?P<x>mple)", {"films.example"}),
        (r"(films)?(?(1)one-way|other-way)", None),
        (r"film\u00e9s/longer", {"s/longer"}),
        (r"(", None),
    ],
)
def test_a_pattern_needs_what_cannot_be_left_out(pattern: str, texts: set[str] | None) -> None:
    extractor = type("PatternIE", (InfoExtractor,), {"_VALID_URL": pattern})

    needed = matching.needed_texts(extractor)

    assert (needed and set(needed)) == texts


class Declining(InfoExtractor):  # type: ignore[misc]
    _VALID_URL = r"https?://films\.example/"

    @classmethod
    def suitable(cls, url: str) -> bool:
        if url.endswith("/"):
            return False
        return False if "list" in url else bool(1) and super().suitable(url)


class Judging(InfoExtractor):  # type: ignore[misc]
    _VALID_URL = r"https?://films\.example/"

    @classmethod
    def suitable(cls, url: str) -> bool:
        return "list" in url or super().suitable(url)


class Inheriting(Judging):
    @classmethod
    def suitable(cls, url: str) -> bool:
        return super().suitable(url)


@pytest.mark.parametrize("extractor", [Judging, Inheriting])
def test_an_extractor_that_judges_for_itself_is_always_asked(extractor: type) -> None:
    assert matching.needed_texts(extractor) is None


def test_an_extractor_that_declines_more_than_its_pattern_does_is_not() -> None:
    assert matching.needed_texts(Declining) == frozenset({"films.example/"})


def test_an_extractor_without_links_is_never_asked() -> None:
    index = matching.index()
    place = index.in_order.index(index.by_key["HTML5MediaEmbed"])

    assert matching.needed_texts(index.by_key["HTML5MediaEmbed"]) == frozenset()
    assert place not in index.everywhere


def test_all_extractors_are_there_for_who_does_not_come_with_a_link() -> None:
    extractors = matching.Extractors(matching.index())

    assert list(extractors.values()) == list(matching.index().in_order)
    assert dict(extractors.items()) == matching.index().by_key
    assert extractors["Generic"].ie_key() == "Generic"
    assert "Nothing" not in extractors


def test_only_the_look_after_an_expectation_is_short() -> None:
    extractors = matching.Extractors(matching.index())
    extractors.expect("https://vimeo.com/1")

    first, second = list(extractors.items()), list(extractors.items())

    assert len(first) < 60
    assert len(second) == len(extractors) > 1500


def test_an_instance_takes_the_place_of_its_class_and_leaves_other_downloaders_alone() -> None:
    one, other = (matching.Extractors(matching.index()) for _ in range(2))
    vimeo = one["Vimeo"]()

    one["Vimeo"] = vimeo

    one.expect("https://vimeo.com/1")
    assert dict(one.items())["Vimeo"] is vimeo
    assert list(one) == list(other)
    assert other["Vimeo"] is not vimeo


def test_a_new_extractor_comes_last() -> None:
    extractors = matching.Extractors(matching.index())

    extractors["New"] = InfoExtractor

    assert list(extractors)[-1] == "New"
    assert len(extractors) == len(matching.index().in_order) + 1


def test_a_downloader_follows_links_from_extractor_to_extractor() -> None:
    class Redirecting(InfoExtractor):  # type: ignore[misc]
        _VALID_URL = r"redirecting:"

        @classmethod
        def ie_key(cls) -> str:
            return "Dropbox"

        def _real_extract(self, url: str) -> dict[str, Any]:
            return {**self.url_result("finding:1"), "title": "redirected"}

    class Finding(InfoExtractor):  # type: ignore[misc]
        _VALID_URL = r"finding:"

        @classmethod
        def ie_key(cls) -> str:
            return "Vimeo"

        def _real_extract(self, url: str) -> dict[str, Any]:
            return {"id": "1", "title": "found", "url": "https://example.org/a.mp4"}

    index = matching.index_of((Redirecting, Finding))
    with matching.Downloader({"quiet": True, "allowed_extractors": ["default"]}) as downloader:
        downloader._ies = matching.Extractors(index)
        for extractor in index.in_order:
            downloader.add_info_extractor(extractor())

        assert downloader.extract_info("redirecting:", download=False)["title"] == "found"
        with pytest.raises(yt_dlp.utils.DownloadError, match="No suitable extractor"):
            downloader.extract_info("nobody:", download=False)


def test_an_index_made_in_another_process_is_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    here = matching.index()
    monkeypatch.setattr(matching, "_index", [])

    apart = matching.index_apart()

    assert apart == here
    assert matching.index() is apart
