import re

import pytest
from django.utils import translation
from pytest_django import Settings

from accounts.netscape import CookiesRefused, parse
from jobs import links, room
from jobs.engine import failures
from jobs.engine.contract import FailureCode
from jobs.errors import LinkRefused
from jobs.views.sentences import IN_WORDS_OF_PAGES, SENTENCES, said

KNOWN = {*SENTENCES, *IN_WORDS_OF_PAGES}
FIELDS_OF_THE_API = re.compile(r"\b[a-z]+_[a-z_]+\b|request id")
WRONG_COOKIES = {
    "domain": "media example\tTRUE\t/\tFALSE\t0\ta\tb",
    "top-level": "com\tTRUE\t/\tFALSE\t0\ta\tb",
    "below": "media.example\tyes\t/\tFALSE\t0\ta\tb",
    "path": "media.example\tTRUE\tpath\tFALSE\t0\ta\tb",
    "secure": "media.example\tTRUE\t/\tyes\t0\ta\tb",
    "expiry": "media.example\tTRUE\t/\tFALSE\tsoon\ta\tb",
    "unprintable": "media.example\tTRUE\t/\tFALSE\t0\ta\tü",
    "empty": "media.example\tTRUE\t/\tFALSE\t0\t\t",
    "long": f"media.example\tTRUE\t/\tFALSE\t0\ta\t{'b' * 9000}",
    "fields": "media.example\tTRUE",
    "spaces": "media.example TRUE / FALSE 0 a b",
}


@pytest.mark.parametrize("code", list(FailureCode), ids=str)
def test_every_reason_to_fail_is_known(code: FailureCode) -> None:
    assert {failures.failure(code).message, code} <= KNOWN


@pytest.mark.parametrize("code", list(FailureCode), ids=str)
def test_pages_tell_nothing_in_the_api_s_words(code: FailureCode) -> None:
    told = (said(failures.failure(code).message), said(code), said(f"again in 5 s: {code}"))

    assert [FIELDS_OF_THE_API.findall(text) for text in told] == [[], [], []]


def test_what_has_no_other_words_on_pages_is_told_as_it_is() -> None:
    sentence = failures.failure(FailureCode.DRM).message

    assert said(sentence) == sentence


def test_values_stand_in_the_words_of_pages_too() -> None:
    told = said("The media lasts 30 s, and clip_start lies behind its end.")

    assert told == "The media lasts 30 s, and “Cut from” lies behind its end."


def test_sizes_are_told_in_the_units_that_people_use(settings: Settings) -> None:
    settings.STORAGE_QUOTA_BYTES = 5 << 30
    advice = "This result has 2097152. Delete results that you do not need any more."
    quota = f"Your quota is 3145728 bytes of stored results, and 1048576 are stored. {advice}"
    full = "The storage of this service is full: 5368709120 bytes. The next result expires at 10:00."

    with translation.override("de"):
        told = [said(sentence) for sentence in (quota, full, room.waits(3 << 30), room.never_fits(6 << 30))]

    assert [re.findall(r"\d+,\d\s.B", sentence) for sentence in told] == [
        ["3,0\xa0MB", "1,0\xa0MB", "2,0\xa0MB"],
        ["5,0\xa0GB"],
        ["3,0\xa0GB"],
        ["6,0\xa0GB", "5,0\xa0GB"],
    ]


@pytest.mark.parametrize(
    "sentence", ["1 of 2 downloads failed.", "Connection refused", "The host name was not found: Name does not exist"]
)
def test_what_became_of_batches_and_messages_is_translated(sentence: str) -> None:
    with translation.override("de"):
        assert said(sentence) != sentence


def test_each_reader_is_told_in_their_own_language() -> None:
    told = []
    for language in ("de", "en", "fr"):
        with translation.override(language):
            told.append(said(FailureCode.LOGIN_REQUIRED))

    assert told == ["Nur für Angemeldete", "Only for signed-in visitors", "Réservé aux visiteurs connectés"]


@pytest.mark.parametrize("line", WRONG_COOKIES.values(), ids=WRONG_COOKIES.keys())
def test_what_is_wrong_with_a_line_of_cookies_is_translated(line: str) -> None:
    with pytest.raises(CookiesRefused) as refused:
        parse(line, max_bytes=100_000)
    (problem,) = refused.value.problems

    with translation.override("de"):
        told = said(problem)

    assert told.startswith("Zeile 1: ")
    assert problem.removeprefix("line 1: ") not in told


def test_values_stand_in_the_translated_sentence(settings: Settings) -> None:
    settings.BLOCKED_DOMAINS = ["blocked.example"]
    with pytest.raises(LinkRefused) as refused:
        links.accepted_host("https://blocked.example/v")

    with translation.override("de"):
        assert said(refused.value) == "Downloads von blocked.example sind hier nicht erlaubt."


def test_what_nobody_has_translated_stays_as_it_is() -> None:
    with translation.override("fr"):
        assert said("Something that {no} list has.") == "Something that {no} list has."


def test_a_sentence_within_a_sentence_is_translated_too() -> None:
    quota = "Your quota is 2 download(s) in 24 hours, and 2 were submitted. There is room for one more at 10:00."

    with translation.override("de"):
        told = said(quota)

    assert told.endswith("(2 gesendet). Platz für einen weiteren ist um 10:00.")
