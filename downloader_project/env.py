"""Typed readers for environment variables: the only module that touches `os.environ`.

Each read declares its variable (name, kind, default, unit, meaning), so that the settings
documentation is generated from the same lines. Nothing here knows what a setting is used for.
"""

import base64
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
FERNET_KEY_BYTES = 32
SHORTEST_SECRET = 32  # characters
EXAMPLES = (
    "change-me",
    "changeme",
    "django-insecure",
    "example",
    "placeholder",
    "replace-me",
    "your-secret",
    "your-key",
)
JSON_LIST = re.compile(r'\[\s*["\]]')  # an IPv6 address starts with a bracket too
ORIGIN = re.compile(r"(?P<scheme>https?)://(?P<host>\[[0-9a-f:.]+\]|[^\s/?#@:\[\]]+)(:(?P<port>\d{1,5}))?/?")
TAKEN_PATHS = (
    "api|accounts|docs|download|downloads|files|healthz|help|jobs|metrics|openapi.json|readyz|redoc|static|version"
)
ADMIN_PATH = re.compile(rf"(?!(?:{TAKEN_PATHS})/)(?:[A-Za-z0-9_-]+/)+")
ACCEL_LOCATION = re.compile(r"/(?:[A-Za-z0-9_-]+/)+")
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
        self.generates_secrets = True

    def require_secrets(self) -> None:
        """From here on, a secret that is not given, or is short, is a wrong value: nothing is generated."""
        self.generates_secrets = False

    def is_set(self, name: str) -> bool:
        """Whether the operator gave a value."""
        try:
            return bool(_raw(name))
        except (OSError, ValueError):
            return False  # reading it says what is wrong

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

    def networks(self, name: str, meaning: str, default: Sequence[str] = ()) -> list[str]:
        """A list of CIDR blocks."""
        return self.words(name, default, meaning, check=lambda word: ipaddress.ip_network(word, strict=False))

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
        value = self._read(_variable(name, "secret", "", "", meaning), "", self._checked_secret)
        if not value and self._is_missing(name):
            return ""
        try:
            return value or _generated(directory / name.lower())
        except OSError as error:
            self.problems.append(f"{name} cannot be kept in {directory} ({error.strerror})")
        return ""

    def encryption_keys(self, name: str, directory: Path, meaning: str) -> list[str]:
        """Fernet keys, the one to encrypt with first; else one from a file in `directory`, generated (0600)."""
        none: list[str] = []
        keys = self._read(_variable(name, "list", none, "", meaning), none, _fernet_keys)
        if not keys and self._is_missing(name):
            return []
        try:
            return keys or _fernet_keys(_generated(directory / name.lower(), _new_fernet_key))
        except OSError as error:
            self.problems.append(f"{name} cannot be kept in {directory} ({error.strerror})")
        except ValueError as error:
            self.problems.append(f"{directory / name.lower()} {error}")
        return []

    def given_secret(self, name: str, meaning: str) -> str:
        """A secret that is never generated here: empty when unset, and no example's."""
        return self._read(_variable(name, "secret", "", "", meaning), "", refuse_example)

    def database(self, name: str, default_url: str, meaning: str) -> dict[str, Any]:
        """A `postgres://` or `sqlite:///` URL, parsed into Django's settings of one database."""
        return self._read(_variable(name, "url", default_url, "", meaning), _database(default_url), _database)

    def stop_if_wrong(self) -> None:
        """Raise `ImproperlyConfigured` with every wrong value in one line."""
        if self.problems:
            raise ImproperlyConfigured("wrong configuration: " + "; ".join(self.problems))

    def _is_missing(self, name: str) -> bool:
        """Whether a secret without a value may not be generated; told as a problem unless its value was a wrong one."""
        if self.generates_secrets:
            return False
        if not any(problem.startswith((f"{name} ", f"{name}_FILE ")) for problem in self.problems):
            self.problems.append(f"{name} must be given in production (scripts/new-secrets prints fresh ones)")
        return True

    def _checked_secret(self, raw: str) -> str:
        if not self.generates_secrets and len(raw) < SHORTEST_SECRET:
            raise ValueError(f"must have at least {SHORTEST_SECRET} characters in production")
        return refuse_example(raw)

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


def refuse_example(raw: str) -> str:
    """The secret itself. Raises ValueError for one that stands in an example, where anybody can read it."""
    if any(words in raw.lower() for words in EXAMPLES):
        raise ValueError("is an example's value, which everybody knows: scripts/new-secrets prints fresh ones")
    return raw


def accel_location(raw: str) -> None:
    """Raises ValueError unless it is the path of a location with slashes around."""
    if not ACCEL_LOCATION.fullmatch(raw):
        raise ValueError("letters, digits, - and _ between slashes, such as /stored/")


def admin_path(raw: str) -> str:
    """A path below which nothing else is, with a slash at its end only. Raises ValueError."""
    path = f"{raw.strip('/')}/"
    if not ADMIN_PATH.fullmatch(path):
        raise ValueError("letters, digits, - and _, in parts parted by slashes, and not the path of other pages")
    return path


def read_env_file(default: Path) -> None:
    """Take variables from the file named by ENV_FILE, else from `default` if it exists; the real environment wins."""
    path = Path(os.environ.get("ENV_FILE") or default)
    if path.is_file():
        Env.read_env(str(path))


def setdefault(name: str, value: str) -> None:
    """Give a variable to libraries that read the environment themselves."""
    os.environ.setdefault(name, value)


def assign(name: str, value: str) -> None:
    """As `setdefault`, whatever the variable was before."""
    os.environ[name] = value


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


def _fernet_keys(raw: str) -> list[str]:
    keys = raw.replace(",", " ").split()
    for key in keys:
        try:
            is_key = len(base64.b64decode(key, altchars=b"-_", validate=True)) == FERNET_KEY_BYTES
        except ValueError:
            is_key = False
        if not is_key:
            raise ValueError(f"must hold keys of {FERNET_KEY_BYTES} bytes in URL-safe base64, parted by commas")
    return keys


def _new_fernet_key() -> str:
    return base64.urlsafe_b64encode(secrets.token_bytes(FERNET_KEY_BYTES)).decode("ascii")


def _new_secret() -> str:
    return secrets.token_urlsafe(50)


def _generated(path: Path, generate: Callable[[], str] = _new_secret) -> str:
    """The secret kept in `path`, written there (0600) if there is none yet. Safe when several processes start."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    draft = path.with_name(f"{path.name}.{os.getpid()}")
    if not path.exists():
        draft.touch(0o600)
        draft.write_text(generate(), encoding="ascii")
        try:
            os.link(draft, path)  # fails when another process was first: then its secret counts
        except FileExistsError:
            pass
        finally:
            draft.unlink()
    return path.read_text(encoding="ascii").strip()
