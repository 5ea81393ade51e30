"""How a message is signed, twice, so that old and new receivers both can tell who sent it. Pure: knows no tables.

The same secret keys both signatures, in two forms: see `headers`.
"""

import base64
import hashlib
import hmac
import secrets

PREFIX = "whsec_"
SECRET_BYTES = 32  # Standard Webhooks asks for 24 to 64


def new_secret() -> str:
    """`whsec_` and the base64 of random bytes."""
    return PREFIX + base64.b64encode(secrets.token_bytes(SECRET_BYTES)).decode("ascii")


def headers(secret: str, *, message_id: str, at: int, body: bytes) -> dict[str, str]:
    """The headers that sign `body` as sent at the Unix time `at`.

    `webhook-signature` is that of Standard Webhooks: keyed by the bytes that the base64 behind `whsec_` stands for,
    over id, time and body. `X-Webhook-Signature` is that of the older product: keyed by the whole text of the secret,
    `whsec_` included, in UTF-8, over the body alone. It does not tell a message from an old one that is sent again.
    """
    key = base64.b64decode(secret.removeprefix(PREFIX))
    signature = base64.b64encode(_hmac(key, f"{message_id}.{at}.".encode() + body).digest()).decode("ascii")
    return {
        "webhook-id": message_id,
        "webhook-timestamp": str(at),
        "webhook-signature": f"v1,{signature}",
        "X-Webhook-Signature": f"sha256={_hmac(secret.encode(), body).hexdigest()}",
    }


def _hmac(key: bytes, message: bytes) -> "hmac.HMAC":
    return hmac.new(key, message, hashlib.sha256)
