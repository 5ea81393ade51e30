"""One-time codes of an app beside the password (RFC 6238): set up, check, turn off. Pages and sessions know when.

The secret is encrypted like cookies are. A code is taken once.
"""

import base64
import secrets
import time
from typing import TYPE_CHECKING

from django.conf import settings
from django.utils import timezone

from accounts.models import SecondFactor, User
from accounts.vault import Sealed

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.twofactor.totp import TOTP

SECRET_BYTES = 20
DIGITS = 6
STEP_SECONDS = 30
STEPS_OFF = (0, -1, 1)  # how far the app's clock may be from ours


def is_on(user: User) -> bool:
    """Whether the user needs a code to sign in."""
    return SecondFactor.objects.filter(owner=user, confirmed_at__isnull=False).exists()


def begin(user: User) -> str:
    """A new secret for the user's app, in base32. It counts from the first right code on; nothing while one is on."""
    secret = base64.b32encode(secrets.token_bytes(SECRET_BYTES)).decode("ascii")
    SecondFactor.objects.filter(owner=user, confirmed_at__isnull=True).delete()
    SecondFactor.objects.get_or_create(owner=user, defaults={"secret": Sealed.of(secret)})
    return secret


def uri(user: User, secret: str) -> str:
    """What an app reads as a link or a picture."""
    return _codes(secret).get_provisioning_uri(user.get_username(), settings.APP_NAME)


def confirm(user: User, code: str) -> bool:
    """Turn it on, if the app gives the right codes."""
    if not _accept(SecondFactor.objects.filter(owner=user, confirmed_at__isnull=True).first(), code):
        return False
    SecondFactor.objects.filter(owner=user).update(confirmed_at=timezone.now())
    return True


def accept(user: User, code: str) -> bool:
    """Whether the code is right now, and was not taken before."""
    return _accept(SecondFactor.objects.filter(owner=user, confirmed_at__isnull=False).first(), code)


def turn_off(user: User) -> bool:
    """Forget the secret. Whether there was one."""
    return bool(SecondFactor.objects.filter(owner=user).delete()[0])


def code_at(secret: str, step: int) -> str:
    """The code of one step of 30 seconds since 1970."""
    return _codes(secret).generate(step * STEP_SECONDS).decode("ascii")


def _accept(factor: SecondFactor | None, code: str) -> bool:
    if factor is None:
        return False
    secret, now = factor.secret.reveal(), int(time.time()) // STEP_SECONDS
    typed = "".join(code.split())
    for step in (now + off for off in STEPS_OFF):
        if secrets.compare_digest(code_at(secret, step).encode(), typed.encode()):
            # Of two that send the same code at once, one changes the row.
            return bool(SecondFactor.objects.filter(pk=factor.pk, last_step__lt=step).update(last_step=step))
    return False


def _codes(secret: str) -> "TOTP":
    """With SHA-1, for apps know no other; its weakness is of no use here."""
    from cryptography.hazmat.primitives.hashes import SHA1  # noqa: PLC0415 - see `vault`
    from cryptography.hazmat.primitives.twofactor.totp import TOTP  # noqa: PLC0415

    sha1 = SHA1()  # noqa: S303  # nosec B303
    return TOTP(base64.b32decode(secret), DIGITS, sha1, STEP_SECONDS)
