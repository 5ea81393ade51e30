"""The catalogues of translations, kept in step with the sources: `python -m tests.catalogues`, as `make messages` does.

Extracts what pages say, merges it into `locale/*/LC_MESSAGES/django.po`, and compiles each into a `.mo` beside it. Both
are committed, so that a running service needs neither Babel nor gettext. The operator's pages and the API are English.
"""

import io
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from babel.messages.catalog import Catalog
from babel.messages.extract import DEFAULT_KEYWORDS, extract, extract_python
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po, write_po
from django.utils.translation.template import templatize

PROJECT = Path(__file__).resolve().parents[1]
LOCALE = PROJECT / "locale"
LANGUAGES = ("de", "fr")
EPOCH = datetime(2026, 1, 1, tzinfo=UTC)
KEYWORDS = {
    **DEFAULT_KEYWORDS,
    "gettext_lazy": None,
    "gettext_noop": None,
    "ngettext_lazy": (1, 2),
    "pgettext_lazy": ((1, "c"), 2),
}
CODE = ("accounts", "jobs")
FOR_OPERATORS = (
    *("accounts/admin.py", "accounts/models.py", "accounts/operator_pages.py", "jobs/admin", "jobs/operations.py"),
    *("templates/admin", "management"),
)


def current() -> Catalog:
    """Every message of the sources, without translations."""
    catalog = Catalog(domain="django", charset="utf-8")
    for path in _sources():
        name = path.relative_to(PROJECT).as_posix()
        method: Any = "python" if path.suffix == ".py" else _extract_template
        with path.open("rb") as file:
            for _line, message, comments, context in extract(method, file, keywords=KEYWORDS):
                catalog.add(message, locations=[(name, 0)], auto_comments=comments, context=context)
    return catalog


def stored(language: str) -> Catalog:
    """The translations as they stand in the repository."""
    with _po(language).open("rb") as file:
        return read_po(file, locale=language, domain="django")


def compiled(catalog: Catalog) -> bytes:
    """What gettext reads."""
    content = io.BytesIO()
    write_mo(content, catalog)
    return content.getvalue()


def mo_path(language: str) -> Path:
    return _po(language).with_suffix(".mo")


def main() -> None:
    template = current()
    for language in LANGUAGES:
        path = _po(language)
        path.parent.mkdir(parents=True, exist_ok=True)
        catalog = _blank(language)
        for message in stored(language) if path.exists() else ():
            if message.id:
                catalog[message.id] = message
        catalog.update(template, no_fuzzy_matching=True, update_creation_date=False)
        catalog.obsolete.clear()
        with path.open("wb") as file:
            write_po(file, catalog, width=120, sort_output=True, include_lineno=False)
        mo_path(language).write_bytes(compiled(stored(language)))
        missing = [message.id for message in catalog if message.id and not _is_translated(message.string)]
        print(f"{language}: {len(catalog)} messages, {len(missing)} without a translation")
        for identity in missing:
            print("   ", repr(identity))


def _blank(language: str) -> Catalog:
    """With a header that stays the same, so that a catalogue changes with its messages only."""
    catalog = Catalog(
        locale=language,
        domain="django",
        header_comment="# What pages say. `make messages` keeps it in step with the sources.",
        fuzzy=False,
    )
    catalog.creation_date = catalog.revision_date = EPOCH
    return catalog


def _is_translated(string: Any) -> bool:
    return all(string) if isinstance(string, tuple) else bool(string)


def _sources() -> Iterator[Path]:
    found = [*(PROJECT / "templates").rglob("*.html")]
    found += [path for name in CODE for path in (PROJECT / name).rglob("*.py")]
    for path in sorted(found):
        name = path.relative_to(PROJECT).as_posix()
        if not any(part in name for part in FOR_OPERATORS):
            yield path


def _extract_template(file: Any, keywords: Any, comment_tags: Any, options: Any) -> Any:
    """A template as Python that calls gettext; the framework's own scanner, with indentation that means nothing."""
    lines = templatize(file.read().decode()).splitlines()
    text = "\n".join(line.lstrip() for line in lines)
    return extract_python(io.BytesIO(text.encode()), keywords, comment_tags, options)


def _po(language: str) -> Path:
    return LOCALE / language / "LC_MESSAGES" / "django.po"


if __name__ == "__main__":
    main()
