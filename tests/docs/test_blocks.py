"""Every example of the documentation is run by a test, or stands here with what it needs that no test has."""

import re
from collections import Counter
from pathlib import Path

import pytest

from tests.deploy.documents import PROJECT
from tests.docs import test_commands
from tests.docs.blocks import DOCUMENTS, Block, blocks
from tests.docs.test_examples import EXAMPLES

# What no test has. `make prove-image` executes the Dockerfile's steps without an engine.
ENGINE, CLUSTER = "a Docker engine", "a Kubernetes cluster"
HOST = "a Debian machine of its own with systemd, as root"
NETWORK = "a machine without anything, and a network: it fetches packages for minutes"
MINUTES = "minutes, or is this very suite: that the targets exist is tested below"
NEEDS = {
    "README.md: git clone <this repository> media-downloader && cd media-downloader": NETWORK,
    "CONTRIBUTING.md: make test-quick   # under a minute, SQLite": MINUTES,
    "docs/benchmark.md: make bench                             # everything, four to six minutes": MINUTES,
    "docs/deployment.md: apt-get install -y git make python3 python3-venv ffmpeg": HOST,
    "docs/deployment.md: cd /opt/media-downloader": HOST,
    "docs/deployment.md: scripts/new-secrets > .env && chmod 0600 .env": ENGINE,
    "docs/deployment.md: docker build -t media-downloader .": ENGINE,
    "docs/moving-in.md: docker compose exec -T web python manage.py import - --user admin < links.txt": ENGINE,
    "docs/deployment.md: scripts/new-secrets | grep -v POSTGRES > secrets.env": CLUSTER,
}
# Run by a test of its own: where each stands.
ELSEWHERE = {
    ("docs/api.md", "sh"): "tests/docs/test_api_page.py",
    ("docs/api.md", "python"): "tests/docs/test_api_page.py",
    ("docs/api.md", "js"): "tests/docs/test_api_page.py",
    ("docs/webhooks.md", "python"): "tests/jobs/webhooks/test_signing.py",
    ("docs/webhooks.md", "js"): "tests/docs/test_webhook_receivers.py",
    ("docs/architecture.md", "layers"): "tests/docs/test_architecture.py",
    ("docs/operations.md", "yaml"): "tests/docs/test_examples.py",
    ("docs/api.md", "json"): "tests/docs/test_examples.py",
    ("docs/cookies.md", "json"): "tests/docs/test_examples.py",
    ("docs/webhooks.md", "json"): "tests/docs/test_examples.py",
}
# Shell examples whose steps a journey of the whole service takes, with places of its own.
BACKUP = "tests/journeys/test_backup.py"
JOURNEYS = {
    "docs/deployment.md: make run": "tests/journeys/test_service.py",
    "docs/storage.md: manage.py backup /backups/2026-11-22                # database and generated secrets": BACKUP,
    "docs/storage.md: STORAGE_DIR=/srv/media manage.py restore /backups/2026-11-22": BACKUP,
    "docs/storage.md: manage.py backup /tmp/drill --results": BACKUP,
}
COMMAND = re.compile(
    r"^\s*(?:[A-Z_]+=\S* )*(?:apt-get|curl|docker|export|git|jq|kubectl|make|manage\.py|pip|psql|python3?|systemctl)\b",
    re.MULTILINE,
)
ALL = [block for document in DOCUMENTS for block in blocks(document)]
INLINE = [
    (document, code)
    for document in DOCUMENTS
    for code in re.findall(
        r"(?<!`)`([^`\n]+)`(?!`)",
        re.sub(r"^```.*?^```$", "", (PROJECT / document).read_text(), flags=re.DOTALL | re.MULTILINE),
    )
]


def is_run(block: Block) -> bool:
    if (block.document, block.language) in ELSEWHERE:
        return True
    return block.language == "sh" and (
        str(block) in JOURNEYS or test_commands.is_run(block) or any(block in example.blocks() for example in EXAMPLES)
    )


def test_every_example_is_run_or_needs_what_no_test_has() -> None:
    unaccounted = [
        str(block) for block in ALL if not (block.language == "text" or is_run(block) or str(block) in NEEDS)
    ]

    assert len(ALL) > 60
    assert unaccounted == []


def test_nothing_is_excused_that_is_run_or_is_not_there() -> None:
    named = Counter(str(block) for block in ALL if not is_run(block) and block.language != "text")

    assert named == Counter(NEEDS.keys())
    assert {(block.document, block.language) for block in ALL} >= ELSEWHERE.keys()
    assert {str(block) for block in ALL} >= JOURNEYS.keys()
    assert [path for path in JOURNEYS.values() if not (PROJECT / path).is_file()] == []


@pytest.mark.parametrize("document", sorted({document for document, _ in ELSEWHERE}))
def test_the_tests_that_run_others_read_their_document(document: str) -> None:
    for (one, _), path in ELSEWHERE.items():
        if one == document:
            assert Path(one).stem in (PROJECT / path).read_text()


def test_no_command_hides_as_text() -> None:
    """A block without a language counts as unaccounted; commands outside of fences could not be found."""
    hidden = [str(block) for block in ALL if block.language == "text" and COMMAND.search(block.code)]
    indented = [
        (document, line)
        for document in DOCUMENTS
        for line in (PROJECT / document).read_text().splitlines()
        if line.startswith("    ")
        and COMMAND.search(line)
        and not any(line in block.code for block in blocks(document))
    ]

    assert (hidden, indented) == ([], [])


def test_every_target_and_script_in_the_text_exists() -> None:
    targets = set(re.findall(r"^([\w-]+):", (PROJECT / "Makefile").read_text(), re.MULTILINE))
    told = [line for block in ALL for line in block.code.splitlines() if not line.startswith("apt-get")]
    told += [code for _, code in INLINE if not code.startswith("apt-get")]
    made = {name for code in told for name in re.findall(r"(?:^|\s)make ((?!-)[a-z-]+)", code)}
    scripts = {name for code in told for name in re.findall(r"(?:^|\s)(scripts/[\w-]+)", code)}

    assert len(made) > 10
    assert made <= targets
    assert [name for name in scripts if not (PROJECT / name).is_file()] == []


def test_every_command_in_the_text_exists_with_its_options() -> None:
    from django.core.management import get_commands, load_command_class

    told = [line for block in ALL for line in block.code.splitlines()] + [code for _, code in INLINE]
    said = [match for code in told for match in re.findall(r"manage\.py ([a-z]\w+)([^#|;&]*)", code)]
    known = get_commands()

    unknown = []
    for name, rest in said:
        if name not in known:
            unknown.append(name)
            continue
        command = load_command_class(str(known[name]), name)
        usage = _options(command.create_parser("manage.py", name))
        unknown += [f"{name} {option}" for option in re.findall(r"(--[a-z-]+)", rest) if option not in usage]

    assert len(said) > 30
    assert unknown == []


def _options(parser: object) -> set[str]:
    """Of the command and of its verbs."""
    import argparse

    assert isinstance(parser, argparse.ArgumentParser)
    found = set()
    for action in parser._actions:
        found |= set(action.option_strings)
        if isinstance(action, argparse._SubParsersAction):
            for verb in action.choices.values():
                found |= _options(verb)
    return found
