"""docs/architecture.md against the code: the files that it names exist, the layers are those of the rule."""

import re
import tomllib

from tests.deploy.documents import PROJECT

PAGE = (PROJECT / "docs" / "architecture.md").read_text()


def test_every_file_that_it_names_exists() -> None:
    named = set(re.findall(r"[`\s│└ ]((?:[a-z_.]+/)+(?:[a-z_]+\.(?:py|md))?)(?=[`\s])", PAGE)) - {"/help/"}

    assert len(named) > 20
    assert [name for name in sorted(named) if not (PROJECT / name).exists()] == []


def test_its_layers_are_those_that_the_linter_enforces() -> None:
    contracts = tomllib.loads((PROJECT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
    enforced = [contract["layers"] for contract in contracts if contract["type"] == "layers"]
    shown = re.search(r"```layers\n(.*?)```", PAGE, re.DOTALL)

    assert shown is not None
    assert [block.split("\n") for block in shown[1].strip().split("\n\n")] == enforced
