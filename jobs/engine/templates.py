"""Path templates such as `videos/{safe_title}-{id}.{ext}` to one safe relative path. Touches no file system.

Values come from hostile metadata. Whatever they hold, a rendered path is relative, has the depth of its template, and
each of its components is a plain name on Linux, macOS and Windows. Two jobs may still render the same path.
"""

import re
import secrets
import unicodedata
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from string import Formatter
from typing import Any, NamedTuple

from jobs.engine.file_types import EXTENSIONS

MAX_TEMPLATE_CHARACTERS = 300
MAX_COMPONENTS = 10
MAX_COMPONENT_BYTES = 200
MAX_PATH_BYTES = 900

FIELDS = (
    "id",
    "title",
    "safe_title",
    "ext",
    "uploader",
    "upload_date",
    "date",
    "random",
    "playlist",
    "playlist_index",
    "batch_id",
)


def check(template: str) -> None:
    """Raise ValueError, with a message for the user, unless the template can be rendered."""
    if not template.strip():
        raise ValueError("The path template is empty.")
    if len(template) > MAX_TEMPLATE_CHARACTERS:
        raise ValueError(f"The path template is longer than {MAX_TEMPLATE_CHARACTERS} characters.")
    components = _components(template)
    if len(components) > MAX_COMPONENTS:
        raise ValueError(f"The path template has more than {MAX_COMPONENTS} parts.")
    for component in components:
        _check_literals(component)


def render(template: str, values: Mapping[str, Any]) -> str:
    """The path for these values. `values["ext"]` must be one of `file_types`; what else is missing gets a stand-in.

    The extension is always that of the file, whatever the template says. Raises ValueError as `check` does.
    """
    check(template)
    extension = _extension(str(values.get("ext") or ""))
    known = {**values, "ext": extension}
    *directories, last = _components(template)
    name = _with_extension(_render_component(_without_extension(last), known), extension)
    parents = [_render_component(component, known) for component in directories]
    return "/".join([*_shortened(parents, MAX_PATH_BYTES - len(name.encode())), name])


def sibling(name: str, suffix: str) -> str:
    """The name of a companion: `videos/a.mp4` and `en.srt` make `videos/a.en.srt`. `name` is a rendered path.

    The suffix may hold hostile parts, such as a language; its extension must be allowed. Raises ValueError.
    """
    directory, slash, last = name.rpartition("/")
    middle, _, extension = suffix.lstrip(".").rpartition(".")
    extension = _extension(extension)
    middle = _truncate(_safe_value(middle).replace(" ", "_"), MAX_COMPONENT_BYTES // 4)
    ending = f"{middle}.{extension}".lstrip(".") if middle.strip(".") else extension
    return directory + slash + _with_extension(last.rpartition(".")[0], ending)


def variant(name: str, mark: str) -> str:
    """Another name for the same: `videos/a.mp4` and `7f` make `videos/a_7f.mp4`. `name` is a rendered path.

    A long name is shortened, so that the mark stays in those of companions too.
    """
    directory, slash, last = name.rpartition("/")
    stem, _, extension = last.rpartition(".")
    return f"{directory}{slash}{_truncate(stem, MAX_COMPONENT_BYTES // 2)}_{mark}.{extension}"


class _Field(NamedTuple):
    name: str
    spec: str


_Component = list["str | _Field"]

# A width and a precision of at most two digits: enough for numbers, too little to fill memory.
_SPEC = re.compile(r"(?:[<>^]?0?[0-9]{1,2})?(?:\.[0-9]{1,2})?[ds]?")
_ILLEGAL = '\\<>:"|?*'  # on Windows


def _components(template: str) -> list[_Component]:
    """The template cut at the slashes of its text; slashes within values are no separators."""
    components: list[_Component] = [[]]
    for text, field in _parse(template):
        first, *others = text.split("/")
        components[-1].append(first)
        components.extend([other] for other in others)
        if field is not None:
            components[-1].append(field)
    return components


def _parse(template: str) -> Iterator[tuple[str, _Field | None]]:
    try:
        parsed = list(Formatter().parse(template))
    except ValueError as error:
        raise ValueError(f"The path template has unbalanced braces: {error}.") from None
    for text, name, spec, conversion in parsed:
        yield text, None if name is None else _field(name, spec or "", conversion)


def _field(name: str, spec: str, conversion: str | None) -> _Field:
    if name not in FIELDS:
        known = ", ".join(FIELDS)
        raise ValueError(f"The path template has no field {{{name[:40]}}}; there are {known}.")
    if conversion is not None or not _SPEC.fullmatch(spec):
        raise ValueError(f"The path template's format of {{{name}}} is not allowed; one such as {{{name}:03}} is.")
    if spec.endswith("d") and name != "playlist_index":
        raise ValueError(f"The path template's {{{name}}} is not a number, so it cannot be formatted with d.")
    if "." in spec and name == "playlist_index":
        raise ValueError("The path template's {playlist_index} is a number and takes no precision.")
    return _Field(name, spec)


def _check_literals(component: _Component) -> None:
    text = "".join(part for part in component if isinstance(part, str))
    if found := next((character for character in text if _is_forbidden(character)), None):
        raise ValueError(f"The path template must not hold the character {found!a}.")
    if all(isinstance(part, str) for part in component) and not text.strip(" ."):
        raise ValueError("The path template must be a relative path without empty parts, '.' and '..'.")


def _is_forbidden(character: str) -> bool:
    """Control and format characters, and separators of lines, may disguise a name; values are freed of them, too."""
    category = unicodedata.category(character)
    return character in _ILLEGAL or category[0] == "C" or category in ("Zl", "Zp")


def _without_extension(component: _Component) -> _Component:
    """The component without a final `.{ext}`, which comes back when the name is complete and its length known."""
    *start, before, last = ["", *component]
    if isinstance(before, str) and before.endswith(".") and last == _Field("ext", ""):
        return [*start, before[:-1]]
    return component


def _render_component(component: _Component, values: Mapping[str, Any]) -> str:
    return _safe_component(
        "".join(part if isinstance(part, str) else _format(part, values) for part in component), MAX_COMPONENT_BYTES
    )


def _format(field: _Field, values: Mapping[str, Any]) -> str:
    if field.name == "playlist_index":
        return format(_number(values.get("playlist_index")), field.spec.rstrip("s"))
    text = _safe_title(values) if field.name == "safe_title" else _safe_value(values.get(field.name))
    return format(text or _stand_in(field.name), field.spec)


def _number(value: Any) -> int:
    try:
        return min(max(int(value), 0), 10**9)
    except (TypeError, ValueError, OverflowError):
        return 0


def _stand_in(name: str) -> str:
    if name == "date":
        return datetime.now(UTC).strftime("%Y%m%d")
    if name == "random":
        return secrets.token_hex(4)
    return {"title": "untitled", "safe_title": "untitled", "upload_date": "undated", "batch_id": "single"}.get(
        name, f"unknown_{name}" if name != "playlist" else "no_playlist"
    )


def _safe_title(values: Mapping[str, Any]) -> str:
    """Letters and digits of any script, dots and dashes; everything else becomes an underscore."""
    title = _safe_value(values.get("safe_title") or values.get("title"))
    return re.sub(r"_+", "_", re.sub(r"[^\w.-]", "_", title)).strip("_")


_WINDOWS_ILLEGAL = str.maketrans(dict.fromkeys(f"/{_ILLEGAL}", "_"))


def _safe_value(value: Any) -> str:
    """Without separators, control and invisible characters, at most one component long. May still be `..`."""
    text = "" if value is None else str(value)[: 4 * MAX_COMPONENT_BYTES]
    spaced = "".join(" " if character.isspace() else character for character in unicodedata.normalize("NFC", text))
    visible = "".join(character for character in spaced if unicodedata.category(character)[0] != "C")
    single = re.sub(r" +", " ", visible.translate(_WINDOWS_ILLEGAL))
    return _truncate(single.strip(), MAX_COMPONENT_BYTES)


_RESERVED = re.compile(r"(?:con|prn|aux|nul|conin\$|conout\$|(?:com|lpt)[0-9¹²³])\s*(?:\.|\Z)", re.IGNORECASE)


def _safe_component(text: str, max_bytes: int) -> str:
    """A name that is no option, not hidden, not reserved on Windows, and never empty."""
    name = _truncate(text.lstrip(" .-"), max_bytes - 1).rstrip(" .") or "_"
    return f"_{name}" if _RESERVED.match(name) else name


def _truncate(text: str, max_bytes: int) -> str:
    return text.encode()[:max_bytes].decode(errors="ignore")


def _extension(extension: str) -> str:
    if extension.lower() not in EXTENSIONS:
        raise ValueError(f"Files of type {extension[:20]!r} are not published.")
    return extension.lower()


def _with_extension(name: str, ending: str) -> str:
    """The name with this ending instead of its own extension where that is the same, shortened to fit."""
    stem = name[: -len(ending) - 1] if name.lower().endswith(f".{ending}") else name
    return f"{_safe_component(stem, MAX_COMPONENT_BYTES - len(ending.encode()) - 1)}.{ending}"


def _shortened(directories: list[str], max_bytes: int) -> list[str]:
    """Each directory gets an equal share of what the file's name leaves; only needed when the whole is too long."""
    if sum(len(name.encode()) + 1 for name in directories) <= max_bytes:
        return directories
    share = max_bytes // len(directories) - 1
    return [_safe_component(name, share) for name in directories]
