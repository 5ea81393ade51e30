"""docker-compose.yml against its schema, and against what this service needs. No engine runs here."""

import re
import subprocess
import sys
from ipaddress import IPv4Address, IPv4Network
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings

from tests.deploy.documents import PROJECT, yaml_of

OURS = ("setup", "web", "worker")
SECRETS = ("SECRET_KEY", "ENCRYPTION_KEYS", "POSTGRES_PASSWORD", "API_KEY", "ADMIN_PASSWORD")


@pytest.fixture(scope="module")
def compose() -> dict[str, Any]:
    return dict(yaml_of("docker-compose.yml"))


def test_it_follows_the_schema_of_compose_files() -> None:
    checker = Path(sys.executable).parent / "check-jsonschema"
    command = [str(checker), "--builtin-schema", "vendor.compose-spec", str(PROJECT / "docker-compose.yml")]

    done = subprocess.run(command, capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stdout + done.stderr


def test_what_it_sets_are_settings_of_the_service(compose: dict[str, Any]) -> None:
    known = {variable.name for variable in settings.ENV.variables}
    aws = {"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "STORAGE_URL"}

    given = {name for service in OURS for name in compose["services"][service]["environment"]}

    assert given - known <= aws


@pytest.mark.parametrize("secret", SECRETS)
def test_no_secret_has_a_value_and_each_is_asked_for_by_name(secret: str) -> None:
    text = (PROJECT / "docker-compose.yml").read_text()

    mentions = re.findall(rf"\$\{{{secret}(.*?)\}}", text)

    assert mentions
    assert all(mention.startswith(":?") for mention in mentions)


@pytest.mark.parametrize("service", [*OURS, "proxy"])
def test_what_faces_the_network_has_no_rights_and_a_root_that_cannot_be_written(
    compose: dict[str, Any], service: str
) -> None:
    described = compose["services"][service]

    assert described["read_only"] is True
    assert described["cap_drop"] == ["ALL"]
    assert described["security_opt"] == ["no-new-privileges:true"]


def test_only_the_proxy_can_be_reached_from_outside(compose: dict[str, Any]) -> None:
    assert [name for name, service in compose["services"].items() if "ports" in service] == ["proxy"]
    assert compose["networks"]["inside"]["internal"] is True


def test_web_and_worker_start_after_the_setup_and_have_longer_to_stop_than_they_take(compose: dict[str, Any]) -> None:
    for name in ("web", "worker"):
        service = compose["services"][name]
        assert service["depends_on"]["setup"]["condition"] == "service_completed_successfully"
        assert int(service["stop_grace_period"].removesuffix("s")) > settings.SHUTDOWN_GRACE_SECONDS
        assert service["restart"] == "unless-stopped"


def test_the_service_trusts_the_proxy_alone(compose: dict[str, Any]) -> None:
    address = compose["services"]["proxy"]["networks"]["inside"]["ipv4_address"]

    assert compose["services"]["web"]["environment"]["TRUSTED_PROXIES"] == f"{address}/32"


def test_every_image_is_pinned_to_a_version(compose: dict[str, Any]) -> None:
    others = [service["image"] for name, service in compose["services"].items() if name not in OURS]

    assert all(re.search(r":\d", image) for image in others), others


def test_no_container_is_given_the_address_that_the_proxy_has(compose: dict[str, Any]) -> None:
    proxy = IPv4Address(compose["services"]["proxy"]["networks"]["inside"]["ipv4_address"])
    (pool,) = compose["networks"]["inside"]["ipam"]["config"]

    assert proxy in IPv4Network(pool["subnet"])
    assert proxy not in IPv4Network(pool["ip_range"])  # of those that are given by turns: many workers come before it
    assert IPv4Network(pool["ip_range"]).subnet_of(IPv4Network(pool["subnet"]))
