"""Lines of Netscape's format, with sensible fields for everything that a test does not care about."""

LATER = 4_102_444_800  # 2100-01-01: the same for every process that collects the tests
SECRET = "5ecret-v4lue"


def line(**fields: str) -> str:
    """A cookie `sid` of example.org and what is below it. Fields: domain, below, path, secure, expires, name, value."""
    implied = {"domain": ".example.org", "below": "TRUE", "path": "/", "secure": "FALSE", "expires": str(LATER)}
    return "\t".join(({**implied, "name": "sid", "value": SECRET} | fields).values())
