"""Encryption at rest: a model field, and the keys it uses. What is worth encrypting is for the models to say."""

import functools
import re
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import models

if TYPE_CHECKING:
    from cryptography.fernet import MultiFernet


# Version 128 and a time of this century, in URL-safe base64.
_TOKEN = re.compile(r"gAAAA[A-Za-z0-9_-]+={0,2}")


class CannotDecrypt(Exception):
    """None of ENCRYPTION_KEYS fits: a key was lost or never carried over to this host."""

    def __init__(self) -> None:
        super().__init__("stored data cannot be decrypted with any key of ENCRYPTION_KEYS")


def encrypt(text: str) -> str:
    """A Fernet token (AES-128-CBC, HMAC-SHA256) under the first of ENCRYPTION_KEYS."""
    return _keys().encrypt(text.encode()).decode("ascii")


def decrypt(token: str) -> str:
    """The inverse of `encrypt`, with any of ENCRYPTION_KEYS. Raises CannotDecrypt."""
    from cryptography.fernet import InvalidToken  # noqa: PLC0415 - its library takes 6 MB, and few processes need it

    try:
        return _keys().decrypt(token.encode("ascii")).decode()
    except (InvalidToken, UnicodeEncodeError) as error:
        raise CannotDecrypt from error


class Sealed:
    """An encrypted text that shows itself only when asked to: no repr, log or form does."""

    __slots__ = ("token",)

    def __init__(self, token: str) -> None:
        self.token = token

    @classmethod
    def of(cls, text: str) -> "Sealed":
        """The text, sealed."""
        return cls(encrypt(text))

    def reveal(self) -> str:
        """The text. Raises CannotDecrypt."""
        return decrypt(self.token)

    def is_current(self) -> bool:
        """Whether the first of ENCRYPTION_KEYS opens it, so that the others are not needed for it."""
        from cryptography.fernet import InvalidToken  # noqa: PLC0415

        try:
            _fernet(tuple(settings.ENCRYPTION_KEYS[:1])).decrypt(self.token.encode("ascii"))
        except (InvalidToken, UnicodeEncodeError):
            return False
        return True

    def renewed(self) -> "Sealed":
        """The same text under the first of ENCRYPTION_KEYS. Raises CannotDecrypt."""
        return Sealed.of(self.reveal())

    def __repr__(self) -> str:
        return "<sealed>"


if TYPE_CHECKING:
    TextField = models.TextField[Sealed, Sealed]
else:
    TextField = models.TextField  # which is generic in its stubs only


class EncryptedField(TextField):
    """A `Sealed` text, stored as its token. It cannot be searched for, and loading a row does not decrypt it."""

    def from_db_value(self, value: str | None, *_: Any) -> Sealed | None:
        return None if value is None else Sealed(value)

    def to_python(self, value: Any) -> Any:
        """A token from a fixture, as `value_to_string` wrote it. Plain text is none, and must not be stored as one."""
        if value is None or isinstance(value, Sealed):
            return value
        if isinstance(value, str) and _TOKEN.fullmatch(value):
            return Sealed(value)
        raise ValidationError("This is no encrypted text.")

    def value_to_string(self, obj: models.Model) -> str:
        """For `dumpdata`: the token, which nobody can read without the keys."""
        return self.get_prep_value(self.value_from_object(obj)) or ""

    def get_prep_value(self, value: Any) -> str | None:
        if value is None or isinstance(value, Sealed):
            return None if value is None else value.token
        raise TypeError("seal the text first: an encrypted field takes no plain one")


@functools.cache
def _fernet(keys: tuple[str, ...]) -> "MultiFernet":
    from cryptography.fernet import Fernet, MultiFernet  # noqa: PLC0415

    return MultiFernet([Fernet(key) for key in keys])


def _keys() -> "MultiFernet":
    return _fernet(tuple(settings.ENCRYPTION_KEYS))
