"""Typed readers for environment variables: the only module that touches `os.environ`.

Each read declares its variable (name, kind, default, unit, meaning), so that the settings
documentation is generated from the same lines. Nothing here knows what a setting is used for.
"""

import ipaddress
import json
import math
import os
import re
import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from django.core.exceptions import ImproperlyConfigured
from environ import Env

T = TypeVar("T")
N = TypeVar("N", int, float)

TRUE_WORDS = frozenset({"1", "true", "yes", "on"})
FALSE_WORDS = frozenset({"0", "false", "no", "off"})
JSON_LIST = re.compile(r'\[\s*["\]]')  # an IPv6 address starts with a bracket too
ORIGIN = re.compile(r"(?P<scheme>https?)://(?P<host>\[[0-9a-f:.]+\]|[^\s/?#@:\[\]]+)(:(?P<port>\d{1,5}))?/?")
DEFAULT_PORTS = {"http": 80, "https": 443}
Check = Callable[[str], object]  # raises ValueError, with a message for the operator, for what must not be


@dataclass(frozen=True, kw_only=True)
class Variable:
    """One documented environment variable."""

    name: str
    kind: str
    default: str
    unit: str
    meaning: str


class Environment:
    """Reads variables, remembers what was declared, and collects every wrong value.

    `NAME_FILE` names a file that holds the value of `NAME` (a Docker or Kubernetes secret).
    An empty value counts as unset. A wrong value yields the default, so that all problems can be
    reported at once by `stop_if_wrong`.
    """

    def __init__(self) -> None:
        self.variables: list[Variable] = []
        self.problems: list[str] = []

    def text(
        self, name: str, default: str, meaning: str, *, choices: Sequence[str] = (), check: Check | None = None
    ) -> str:
        """Any text that passes `check`, or one of `choices` regardless of case."""

        def convert(raw: str) -> str:
            if check is not None:
                _passed(check, raw)
            if not choices:
                return raw
            found = [choice for choice in choices if choice.lower() == raw.lower()]
            if not found:
                raise ValueError(f"must be one of {', '.join(choices)}")
            return found[0]

        return self._read(_variable(name, "text", default, "", meaning), default, convert)

    def integer(
        self, name: str, default: int, meaning: str, *, unit: str = "", minimum: int = 0, maximum: int | None = None
    ) -> int:
        """A whole number within the bounds, both included."""

        def convert(raw: str) -> int:
            try:
                number = int(raw)
            except ValueError:
                raise ValueError("must be a whole number") from None
            return _within(number, minimum, maximum)

        return self._read(_variable(name, "integer", default, unit, meaning), default, convert)

    def number(self, name: str, default: float, meaning: str, *, unit: str = "", minimum: float = 0) -> float:
        """A number, fractions allowed, not below `minimum`."""

        def convert(raw: str) -> float:
            try:
                number = float(raw)
            except ValueError:
                raise ValueError("must be a number") from None
            if not math.isfinite(number):
                raise ValueError("must be a finite number")
            return _within(number, minimum, None)

        return self._read(_variable(name, "number", default, unit, meaning), default, convert)

    def flag(self, name: str, default: bool, meaning: str) -> bool:
        """true/false, yes/no, on/off or 1/0."""

        def convert(raw: str) -> bool:
            word = raw.lower()
            if word in TRUE_WORDS or word in FALSE_WORDS:
                return word in TRUE_WORDS
            raise ValueError("must be true or false")

        return self._read(_variable(name, "flag", default, "", meaning), default, convert)

    def words(self, name: str, default: Sequence[str], meaning: str, *, check: Check | None = None) -> list[str]:
        """A comma-separated list or a JSON list; blanks around the entries are dropped. Each passes `check`."""

        def convert(raw: str) -> list[str]:
            words = _json_list(raw) if JSON_LIST.match(raw) else raw.split(",")
            words = [word.strip() for word in words if word.strip()]
            if check is not None:
                for word in words:
                    _passed(check, word)
            return words

        return self._read(_variable(name, "list", list(default), "", meaning), list(default), convert)

    def networks(self, name: str, meaning: str) -> list[str]:
        """A list of CIDR blocks, none by default."""
        return self.words(name, [], meaning, check=lambda word: ipaddress.ip_network(word, strict=False))

    def origin(self, name: str, meaning: str) -> str:
        """Scheme, host and port of a site as browsers write them, without a slash at the end; empty when unset."""
        return self._read(_variable(name, "url", "", "", meaning), "", _origin)

    def path(self, name: str, default: Path, meaning: str) -> Path:
        """A path of the file system, made absolute."""
        return self._read(
            _variable(name, "path", default, "", meaning), default, lambda raw: Path(raw).expanduser().resolve()
        )

    def directory(self, name: str, default: Path, meaning: str) -> Path:
        """A directory; made (0700) if there is none, for what the service keeps is not for every local user."""
        path = self.path(name, default, meaning)
        try:
            path.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            self.problems.append(f"{name} cannot be made ({error.strerror})")
        return path

    def secret(self, name: str, directory: Path, meaning: str) -> str:
        """A secret from the environment, else from a file in `directory`, generated (0600) on the first start."""
        value = self._read(_variable(name, "secret", "", "", meaning), "", str)
        try:
            return value or _generated(directory / name.lower())
        except OSError as error:
            self.problems.append(f"{name} cannot be kept in {directory} ({error.strerror})")
        return ""

    def database(self, name: str, default_url: str, meaning: str) -> dict[str, Any]:
        """A `postgres://` or `sqlite:///` URL, parsed into Django's settings of one database."""
        return self._read(_variable(name, "url", default_url, "", meaning), _database(default_url), _database)

    def stop_if_wrong(self) -> None:
        """Raise `ImproperlyConfigured` with every wrong value in one line."""
        if self.problems:
            raise ImproperlyConfigured("wrong configuration: " + "; ".join(self.problems))

    def _read(self, variable: Variable, default: T, convert: Callable[[str], T]) -> T:
        self.variables.append(variable)
        try:
            raw = _raw(variable.name)
            return convert(raw) if raw else default
        except OSError as error:
            self.problems.append(f"{variable.name}_FILE cannot be read ({error.strerror})")
        except ValueError as error:
            self.problems.append(f"{variable.name} {error}")
        return default


def read_env_file(default: Path) -> None:
    """Take variables from the file named by ENV_FILE, else from `default` if it exists; the real environment wins."""
    path = Path(os.environ.get("ENV_FILE") or default)
    if path.is_file():
        Env.read_env(str(path))


def setdefault(name: str, value: str) -> None:
    """Give a variable to libraries that read the environment themselves."""
    os.environ.setdefault(name, value)


def _raw(name: str) -> str:
    value = os.environ.get(name, "").strip()
    file_name = os.environ.get(f"{name}_FILE", "").strip()
    if value or not file_name:
        return value
    return Path(file_name).read_text(encoding="utf-8").strip()


def _within(number: N, minimum: float, maximum: float | None) -> N:
    if number < minimum or (maximum is not None and number > maximum):
        bounds = f"at least {minimum}" if maximum is None else f"from {minimum} to {maximum}"
        raise ValueError(f"must be {bounds}")
    return number


def _passed(check: Check, text: str) -> None:
    try:
        check(text)
    except ValueError as error:
        raise ValueError(f"is wrong: {error}") from None


def _json_list(raw: str) -> list[str]:
    try:
        words = json.loads(raw)
    except ValueError:
        words = None
    if not isinstance(words, list) or not all(isinstance(word, str) for word in words):
        raise ValueError("must be a comma-separated list, or a JSON list of texts")
    return words


def _origin(raw: str) -> str:
    found = ORIGIN.fullmatch(raw.lower())
    port = int(found["port"] or DEFAULT_PORTS[found["scheme"]]) if found else 0
    if found is None or not 0 < port < 65536:
        raise ValueError("must be http://name or https://name, perhaps with a port, and nothing behind it")
    shown = "" if port == DEFAULT_PORTS[found["scheme"]] else f":{port}"
    return f"{found['scheme']}://{found['host']}{shown}"


def _variable(name: str, kind: str, default: object, unit: str, meaning: str) -> Variable:
    if isinstance(default, bool):
        shown = str(default).lower()
    elif isinstance(default, list):
        shown = ",".join(default)
    else:
        shown = str(default)
    return Variable(name=name, kind=kind, default=shown, unit=unit, meaning=meaning)


def _database(url: str) -> dict[str, Any]:
    config: dict[str, Any] = dict(Env.db_url_config(url))
    if not str(config.get("ENGINE", "")).endswith(("sqlite3", "postgresql")):
        raise ValueError("must start with postgres:// or sqlite:///")
    return config


def _generated(path: Path) -> str:
    """The secret kept in `path`, written there (0600) if there is none yet. Safe when several processes start."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    draft = path.with_name(f"{path.name}.{os.getpid()}")
    if not path.exists():
        draft.touch(0o600)
        draft.write_text(secrets.token_urlsafe(50), encoding="ascii")
        try:
            os.link(draft, path)  # fails when another process was first: then its secret counts
        except FileExistsError:
            pass
        finally:
            draft.unlink()
    return path.read_text(encoding="ascii").strip()
