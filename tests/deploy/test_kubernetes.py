"""The Kubernetes example: what it refers to exists, and its pods have no rights."""

from typing import Any

import pytest
from django.conf import settings

from tests.deploy.documents import manifests

WITH_PODS = [one for one in manifests() if one["kind"] in ("Deployment", "Job")]
KNOWN = {variable.name for variable in settings.ENV.variables}


def named(kind: str) -> dict[str, Any]:
    return next(one for one in manifests() if one["kind"] == kind)


@pytest.mark.parametrize("manifest", WITH_PODS, ids=lambda one: str(one["metadata"]["name"]))
def test_its_pods_run_without_rights_on_a_root_that_cannot_be_written(manifest: dict[str, Any]) -> None:
    pod = manifest["spec"]["template"]["spec"]
    container = pod["containers"][0]

    assert pod["securityContext"]["runAsNonRoot"] is True
    assert pod["automountServiceAccountToken"] is False
    assert container["securityContext"]["readOnlyRootFilesystem"] is True
    assert container["securityContext"]["allowPrivilegeEscalation"] is False
    assert container["securityContext"]["capabilities"] == {"drop": ["ALL"]}
    assert {mount["mountPath"] for mount in container["volumeMounts"]} == {"/app/data", "/tmp"}
    assert {mount["name"] for mount in container["volumeMounts"]} == {volume["name"] for volume in pod["volumes"]}
    assert "memory" in container["resources"]["limits"]


@pytest.mark.parametrize("part", ["web", "worker"])
def test_a_pod_has_longer_to_stop_than_the_service_takes(part: str) -> None:
    manifest = next(one for one in WITH_PODS if one["metadata"]["name"].endswith(part))

    assert manifest["spec"]["template"]["spec"]["terminationGracePeriodSeconds"] > settings.SHUTDOWN_GRACE_SECONDS


def test_the_configuration_is_of_settings_and_holds_no_secret() -> None:
    data = named("ConfigMap")["data"]

    assert data.keys() <= KNOWN
    assert not data.keys() & {"SECRET_KEY", "ENCRYPTION_KEYS", "API_KEY", "ADMIN_PASSWORD", "DATABASE_URL"}
    assert not [one for one in manifests() if one["kind"] == "Secret"]


def test_the_service_finds_the_web_and_the_probes_use_a_name_that_is_answered() -> None:
    web = next(one for one in WITH_PODS if one["metadata"]["name"].endswith("web"))
    labels = web["spec"]["template"]["metadata"]["labels"]
    container = web["spec"]["template"]["spec"]["containers"][0]
    host = named("ConfigMap")["data"]["PUBLIC_URL"].removeprefix("https://")

    assert named("Service")["spec"]["selector"] == labels
    for probe in ("startupProbe", "readinessProbe", "livenessProbe"):
        assert container[probe]["httpGet"]["httpHeaders"] == [{"name": "Host", "value": host}]
    assert named("Ingress")["spec"]["rules"][0]["host"] == host
