import base64
import hashlib
import hmac
import re
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from standardwebhooks import Webhook, WebhookVerificationError

from jobs.webhooks import signing

BODY = b'{"event":"download.started"}'
DOCUMENTATION = Path(__file__).resolve().parents[3] / "docs" / "webhooks.md"


def signed(secret: str, body: bytes = BODY) -> dict[str, str]:
    return signing.headers(secret, message_id="msg_1", at=int(time.time()), body=body)


def test_a_secret_has_as_many_random_bytes_as_standard_webhooks_asks_for() -> None:
    secret, other = signing.new_secret(), signing.new_secret()

    assert secret.startswith("whsec_")
    assert 24 <= len(base64.b64decode(secret.removeprefix("whsec_"), validate=True)) <= 64
    assert secret != other


def test_the_public_library_verifies_a_signature_and_nothing_else() -> None:
    secret = signing.new_secret()
    headers = signed(secret)

    assert Webhook(secret).verify(BODY, headers) == {"event": "download.started"}
    for wrong_secret, body in ((signing.new_secret(), BODY), (secret, BODY + b" ")):
        with pytest.raises(WebhookVerificationError):
            Webhook(wrong_secret).verify(body, headers)


def test_the_signature_is_the_one_that_the_public_library_makes() -> None:
    secret, at = signing.new_secret(), 1763812800
    theirs = Webhook(secret).sign("msg_1", datetime.fromtimestamp(at, UTC), BODY.decode())

    assert signing.headers(secret, message_id="msg_1", at=at, body=BODY)["webhook-signature"] == theirs


def test_older_receivers_verify_with_the_whole_text_of_the_secret() -> None:
    secret = signing.new_secret()

    expected = hmac.new(secret.encode(), BODY, hashlib.sha256).hexdigest()

    assert signed(secret)["X-Webhook-Signature"] == f"sha256={expected}"


@pytest.mark.parametrize("name", ["is_genuine", "is_genuine_to_older_receivers"])
def test_the_documented_receiver_tells_genuine_messages_from_others(name: str) -> None:
    found = re.search(r"```python\n(.*?)```", DOCUMENTATION.read_text(), re.DOTALL)
    assert found is not None
    documented: dict[str, Any] = {}
    exec(found[1], documented)
    secret = signing.new_secret()
    headers = {header.lower(): value for header, value in signed(secret).items()}

    assert documented[name](secret, headers, BODY)
    assert not documented[name](secret, headers, BODY + b" ")
    assert not documented[name](signing.new_secret(), headers, BODY)


def test_the_documented_receiver_refuses_old_messages() -> None:
    found = re.search(r"```python\n(.*?)```", DOCUMENTATION.read_text(), re.DOTALL)
    assert found is not None
    documented: dict[str, Any] = {}
    exec(found[1], documented)
    secret = signing.new_secret()
    headers = signing.headers(secret, message_id="msg_1", at=int(time.time()) - 400, body=BODY)

    assert not documented["is_genuine"](secret, headers, BODY)
