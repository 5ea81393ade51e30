"""Single attempts, against a real receiver on loopback that answers as told."""

import ssl
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from pytest_django import Settings

from accounts.models import User
from jobs import exchange
from jobs.states import DeliveryState
from tests.factories import make_delivery
from tests.jobs.webhooks.conftest import attempts, sent
from tests.receiver import Receiver, Reply

pytestmark = [pytest.mark.slow, pytest.mark.django_db]


def test_a_redirect_is_not_followed(owner: User, receiver: Receiver) -> None:
    with Receiver(*[Reply(302, headers={"Location": receiver.url("/elsewhere")})] * 3) as redirecting:
        message = sent(make_delivery(owner, redirecting.url()))

    assert (message.state, attempts(message)) == (DeliveryState.FAILED, [302] * 3)
    assert receiver.requests == []


@pytest.mark.parametrize("reply", [Reply(hang=True), Reply(drip=True)])
def test_an_attempt_ends_in_time_however_the_receiver_delays_it(owner: User, settings: Settings, reply: Reply) -> None:
    settings.WEBHOOK_TIMEOUT, settings.WEBHOOK_RETRY_ATTEMPTS = 1, 1
    started = time.monotonic()
    with Receiver(reply) as receiver:
        message = sent(make_delivery(owner, receiver.url()))

    assert time.monotonic() - started < 4
    assert (message.state, message.log.get().error) == (DeliveryState.FAILED, "No answer within 1 s.")


def test_of_a_huge_answer_only_the_beginning_is_read(owner: User) -> None:
    with Receiver(Reply(200, body=b"x" * 100_000_000)) as receiver:
        message = sent(make_delivery(owner, receiver.url()))

    assert (message.state, message.log.get().excerpt) == (DeliveryState.DELIVERED, "x" * 1024)


def test_an_answer_whose_text_does_not_come_counts(owner: User, settings: Settings) -> None:
    settings.WEBHOOK_TIMEOUT = 1
    with Receiver(Reply(200, body=b"o", headers={"Content-Length": "100"})) as receiver:
        message = sent(make_delivery(owner, receiver.url()))

    assert (message.state, message.log.get().excerpt) == (DeliveryState.DELIVERED, "o")


def test_what_is_no_http_is_an_error(owner: User) -> None:
    with Receiver(*[Reply(200, headers={"Content-Length": "many"})] * 3) as receiver:
        message = sent(make_delivery(owner, receiver.url()))
    assert message.state == DeliveryState.DELIVERED  # a length that is none is read to the end

    with Receiver(*[Reply(999999)] * 3) as receiver:
        message = sent(make_delivery(owner, receiver.url()))
    assert (message.state, attempts(message)) == (DeliveryState.FAILED, [None] * 3)
    assert "no HTTP" in message.log.all()[0].error


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_a_forbidden_address_sees_no_connection(owner: User, receiver: Receiver, settings: Settings, host: str) -> None:
    settings.ALLOW_PRIVATE_ADDRESSES = False

    message = sent(make_delivery(owner, receiver.url(host=host)))

    assert (message.state, attempts(message), receiver.connections) == (DeliveryState.FAILED, [None], 0)
    assert "127.0.0.1" not in message.log.get().error


def test_the_operator_can_allow_a_single_address(owner: User, receiver: Receiver, settings: Settings) -> None:
    settings.ALLOW_PRIVATE_ADDRESSES, settings.EGRESS_ALLOW = False, [f"127.0.0.1:{receiver.port}"]

    assert sent(make_delivery(owner, receiver.url())).state == DeliveryState.DELIVERED


def test_the_environments_proxies_are_not_used(
    owner: User, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")

    assert sent(make_delivery(owner, receiver.url())).state == DeliveryState.DELIVERED


def test_a_certificate_must_be_the_host_names(
    owner: User, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, settings: Settings
) -> None:
    settings.WEBHOOK_RETRY_ATTEMPTS = 1
    certificate = self_signed(tmp_path, "localhost")
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(certificate)
    with Receiver(tls=server) as receiver:
        untrusted = sent(make_delivery(owner, receiver.url(host="localhost")))
        monkeypatch.setattr(exchange, "tls_context", lambda: ssl.create_default_context(cafile=str(certificate)))
        trusted = sent(make_delivery(owner, receiver.url(host="localhost")))
        other_name = sent(make_delivery(owner, receiver.url(host="127.0.0.1")))

    assert (untrusted.state, trusted.state, other_name.state) == ("failed", "delivered", "failed")
    assert receiver.ids() == [trusted.public_id]
    assert "certificate" in untrusted.log.get().error
    assert "certificate" in other_name.log.get().error


def self_signed(directory: Path, name: str) -> Path:
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder(subject, subject, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    path = directory / "certificate.pem"
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    path.write_bytes(private + certificate.public_bytes(serialization.Encoding.PEM))
    return path
