"""Accounts for tests in a browser, made by the administrator over HTTP, as an operator makes them."""

import re
import secrets
from dataclasses import dataclass, field

import requests

from tests.journeys.stack import Stack

PASSWORD = "a long password for people"
ADMINISTRATOR = ("admin", "a password for the journeys")  # as the stack is started with


@dataclass
class People:
    """Makes new accounts in a running service."""

    stack: Stack
    session: requests.Session = field(default_factory=requests.Session)

    def new(self) -> str:
        """The name of a new account with PASSWORD."""
        name = f"person-{secrets.token_hex(3)}"
        if "sessionid" not in self.session.cookies:
            username, password = ADMINISTRATOR
            self._post("/accounts/login", username=username, password=password)
        self._post("/admin/accounts/user/add/", username=name, password1=PASSWORD, password2=PASSWORD)
        return name

    def _post(self, path: str, **fields: str) -> None:
        """Fill in the form of a page."""
        address = self.stack.url(path)
        page = self.session.get(address, timeout=30)
        token = re.search(r'name="csrfmiddlewaretoken" value="(\w+)"', page.text)
        assert token, page.text[:500]
        form = {"csrfmiddlewaretoken": token[1], "usable_password": "true", **fields}
        response = self.session.post(address, data=form, headers={"Referer": address}, timeout=30)
        assert response.ok, response.text[:500]
        assert response.url != address, re.findall(r'class="(?:errorlist|notice is-error)[^>]*>(.*)<', response.text)
