"""What a back-up says of itself: who made it, what is in it, and the digest of every file."""

import hashlib
import json
from dataclasses import asdict, dataclass, field
from pathlib import Path

NAME = "manifest.json"
FORMAT = 1
BLOCK_BYTES = 1 << 20


class Unusable(Exception):
    """The back-up cannot be used; the message tells why, to the operator."""


@dataclass(kw_only=True)
class Manifest:
    """The content of manifest.json. Paths are relative to the back-up, with slashes."""

    version: str  # of the service
    created_at: str
    database: str  # a method of `databases`
    migrations: dict[str, str]  # the last one of each app
    keys: list[str]  # what ENCRYPTION_KEYS were, by fingerprint
    results: int = 0
    format: int = FORMAT
    files: dict[str, str] = field(default_factory=dict)  # SHA-256 by path

    def write(self, root: Path) -> None:
        """Hash every file that is in the back-up, and write the manifest beside them."""
        paths = sorted(path for path in root.rglob("*") if path.is_file() and path.name != NAME)
        self.files = {path.relative_to(root).as_posix(): sha256_of(path) for path in paths}
        (root / NAME).write_text(json.dumps(asdict(self), indent=1), encoding="utf-8")

    @classmethod
    def read(cls, root: Path) -> "Manifest":
        """Raises Unusable when it is none, is made by a later version of this command, or a file is not as it was."""
        try:
            told = json.loads((root / NAME).read_text(encoding="utf-8"))
            manifest = cls(**told)
        except (OSError, ValueError, TypeError) as error:
            raise Unusable(f"{root} is no back-up: its {NAME} cannot be read ({error}).") from error
        if manifest.format != FORMAT:
            raise Unusable(f"The back-up has format {manifest.format}, and this version knows {FORMAT} only.")
        manifest.check_files(root)
        return manifest

    def check_files(self, root: Path) -> None:
        """Compare every digest. Raises Unusable."""
        for name, digest in self.files.items():
            path = root / name
            if ".." in Path(name).parts or Path(name).is_absolute():
                raise Unusable(f"The back-up names {name}, which lies outside of it.")
            if not path.is_file() or sha256_of(path) != digest:
                raise Unusable(f"{name} of the back-up is missing or damaged.")


def fingerprint(key: str) -> str:
    """Tells keys apart without telling them."""
    return hashlib.sha256(key.encode()).hexdigest()[:16]


def sha256_of(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(BLOCK_BYTES):
            digest.update(block)
    return digest.hexdigest()
