import pytest
from rest_framework.test import APIClient

ORIGIN = "https://app.example"


@pytest.mark.parametrize("header", ["x-api-key", "authorization", "idempotency-key", "range"])
def test_web_pages_elsewhere_may_send_what_the_api_understands(anonymous: APIClient, header: str) -> None:
    asked = {"Origin": ORIGIN, "Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": header}

    response = anonymous.options("/api/v1/download", headers=asked)

    assert response.status_code == 200
    assert header in response["Access-Control-Allow-Headers"].lower()


def test_web_pages_elsewhere_may_read_the_headers_of_limits_and_errors(api: APIClient) -> None:
    response = api.get("/api/v1/nothing", headers={"Origin": ORIGIN})

    exposed = response["Access-Control-Expose-Headers"]
    assert response.status_code == 404
    assert {"X-Request-ID", "Retry-After", "X-RateLimit-Remaining"} <= set(exposed.split(", "))
    assert response["Access-Control-Allow-Origin"] == "*"
    assert "Access-Control-Allow-Credentials" not in response
