"""Every sentence of the pages in every language, and what is compiled as it is written."""

import re
from typing import Any

import pytest
from babel.messages.catalog import Catalog

from tests import catalogues

NAMES = re.compile(r"%\(\w+\)[sdg]|\{\w+\}")


@pytest.fixture(scope="module")
def current() -> Catalog:
    return catalogues.current()


def forms(text: Any) -> list[str]:
    return [text] if isinstance(text, str) else list(text)


@pytest.mark.parametrize("language", catalogues.LANGUAGES)
def test_every_message_of_the_sources_is_translated_and_no_other(current: Catalog, language: str) -> None:
    wanted = {message.id for message in current if message.id}
    stored = {message.id: message for message in catalogues.stored(language) if message.id}

    assert sorted(map(str, wanted - set(stored))) == [], "run `make messages`, and translate what it lists"
    assert sorted(map(str, set(stored) - wanted)) == [], "run `make messages`"
    assert [identity for identity, message in stored.items() if message.fuzzy or not all(forms(message.string))] == []


@pytest.mark.parametrize("language", catalogues.LANGUAGES)
def test_translations_name_the_same_values(language: str) -> None:
    wrong = []
    for message in catalogues.stored(language):
        named = [set(NAMES.findall(text)) for text in forms(message.id)]
        for text in forms(message.string) if message.id else ():
            if set(NAMES.findall(text)) not in named and not set(NAMES.findall(text)) < set().union(*named):
                wrong.append((message.id, text))
    assert wrong == []


@pytest.mark.parametrize("language", catalogues.LANGUAGES)
def test_what_is_compiled_is_what_is_written(language: str) -> None:
    assert catalogues.mo_path(language).read_bytes() == catalogues.compiled(catalogues.stored(language))


def test_templates_and_code_are_both_read(current: Catalog) -> None:
    found = {message.id for message in current}

    assert {"Paste a link, get the file.", "Joining picture and sound", "Choose %(name)s"} <= found
