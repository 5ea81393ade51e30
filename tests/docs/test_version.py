"""The version stands in one place; what has to repeat it, repeats it rightly."""

import re

from django.conf import settings
from django.test import Client

from downloader_project import __version__
from tests.deploy.documents import PROJECT


def test_the_service_tells_the_version_of_the_code(client: Client) -> None:
    assert re.fullmatch(r"\d+\.\d+\.\d+", __version__)
    assert client.get("/version").json()["version"] == __version__
    assert settings.SPECTACULAR_SETTINGS["VERSION"] == __version__


def test_examples_and_the_changelog_name_it() -> None:
    manifests = (PROJECT / "deploy" / "kubernetes" / "media-downloader.yaml").read_text()
    changelog = (PROJECT / "CHANGELOG.md").read_text()

    assert set(re.findall(r"image: \S+:(\S+)", manifests)) == {__version__}
    assert re.findall(r"^## (\S+)", changelog, re.MULTILINE)[0] == __version__
    assert f"Ultimate Media Downloader {__version__}\n" in (PROJECT / "README.md").read_text()
