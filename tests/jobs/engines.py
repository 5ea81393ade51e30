"""Wheels of other yt-dlps, made from the installed one, so that no test needs a network."""

import importlib.util
import zipfile
from pathlib import Path

EJS = "0.8.0"
WHEEL = "Wheel-Version: 1.0\nGenerator: tests\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
BROKEN = 'raise ImportError("this yt-dlp is broken")\n'
# Loads, and finds no video anywhere.
BLIND = "from yt_dlp.extractor.generic import GenericIE\nGenericIE._real_extract = lambda self, url: 1 / 0\n"


def make_engine(directory: Path, version: str, *, init: str = "", tail: str = "", says: str = "") -> Path:
    """A wheel of yt-dlp under another version; with `init` in place of its main module, `tail` behind that."""
    source = Path(str(importlib.util.find_spec("yt_dlp").origin)).parent  # type: ignore[union-attr]
    files = {f"yt_dlp/{path.relative_to(source)}": path.read_bytes() for path in source.rglob("*.py")}
    files["yt_dlp/version.py"] += f"\n__version__ = {says or version!r}\n".encode()
    files["yt_dlp/__init__.py"] = init.encode() or files["yt_dlp/__init__.py"] + b"\n" + tail.encode()
    return make_wheel(directory, "yt_dlp", version, files, requires=f"yt-dlp-ejs=={EJS} ; extra == 'default'")


def make_companion(directory: Path) -> Path:
    source = Path(str(importlib.util.find_spec("yt_dlp_ejs").origin)).parent  # type: ignore[union-attr]
    files = {
        f"yt_dlp_ejs/{path.relative_to(source)}": path.read_bytes() for path in source.rglob("*") if path.is_file()
    }
    return make_wheel(directory, "yt_dlp_ejs", EJS, files)


def make_wheel(directory: Path, name: str, version: str, files: dict[str, bytes], requires: str = "") -> Path:
    info = f"{name}-{version}.dist-info"
    metadata = f"Metadata-Version: 2.1\nName: {name.replace('_', '-')}\nVersion: {version}\nProvides-Extra: default\n"
    metadata += f"Requires-Dist: {requires}\n" if requires else ""
    files = files | {f"{info}/METADATA": metadata.encode(), f"{info}/WHEEL": WHEEL.encode()}
    record = "".join(f"{path},,\n" for path in [*files, f"{info}/RECORD"])
    wheel = directory / f"{name}-{version}-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        for path, content in (files | {f"{info}/RECORD": record.encode()}).items():
            archive.writestr(path, content)
    return wheel
