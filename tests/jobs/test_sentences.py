import pytest
from django.utils import translation
from pytest_django import Settings

from jobs import links
from jobs.engine import failures
from jobs.engine.contract import FailureCode
from jobs.errors import LinkRefused
from jobs.views.sentences import SENTENCES, said


@pytest.mark.parametrize("code", list(FailureCode), ids=str)
def test_every_reason_to_fail_is_known(code: FailureCode) -> None:
    assert failures.failure(code).message in SENTENCES


def test_english_readers_get_the_sentence_as_it_is() -> None:
    sentence = failures.failure(FailureCode.DRM).message

    assert said(sentence) == sentence


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
