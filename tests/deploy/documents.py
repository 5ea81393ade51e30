"""The deployment's files, read."""

from pathlib import Path
from typing import Any

import yaml

PROJECT = Path(__file__).resolve().parents[2]


def yaml_of(name: str) -> Any:
    return yaml.safe_load((PROJECT / name).read_text())


def manifests() -> list[dict[str, Any]]:
    """Each document of the Kubernetes example."""
    text = (PROJECT / "deploy" / "kubernetes" / "media-downloader.yaml").read_text()
    return [dict(document) for document in yaml.safe_load_all(text)]
