"""Users, API keys and cookie jars. How a key is made and recognised is in `keys`, what a caller may do in
`authentication`.
"""

import secrets
from typing import ClassVar

from django.contrib.auth.models import AbstractUser, UserManager
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from accounts.vault import EncryptedField


class Scope(models.TextChoices):
    """What a key may do: `admin` includes `write`, `write` includes `read`."""

    READ = "read"
    WRITE = "write"
    ADMIN = "admin"


class Users(UserManager["User"]):
    def anonymous(self) -> "User":
        """The owner of what callers without a key create while REQUIRE_API_KEY is false. Nobody can sign in as it."""
        user, _ = self.get_or_create(username="anonymous", defaults={"is_active": False, "password": "!"})
        return user


class WithAllowance(models.Model):
    """Bounds of what somebody may use. How they are read is in `allowances`."""

    max_running_jobs = models.PositiveIntegerField(
        _("running downloads"),
        null=True,
        blank=True,
        help_text=_("at once; more wait. Empty: the default, 0: no limit"),
    )
    max_jobs_per_day = models.PositiveIntegerField(
        _("downloads a day"), null=True, blank=True, help_text=_("in any 24 hours. Empty: the default, 0: no limit")
    )
    max_stored_bytes = models.PositiveBigIntegerField(
        _("stored bytes"),
        null=True,
        blank=True,
        help_text=_("of results that are kept. Empty: the default, 0: no limit"),
    )

    class Meta:
        abstract = True


class User(AbstractUser, WithAllowance):
    """A person or a program's owner."""

    download_defaults = models.JSONField(
        default=dict, blank=True, editable=False, help_text="how the dashboard's form begins; empty for the usual way"
    )

    objects: ClassVar[Users] = Users()

    def __str__(self) -> str:
        return self.get_username()


class ApiKey(WithAllowance):
    """A key that programs send. The key itself is never stored, only its SHA-256."""

    owner = models.ForeignKey(User, on_delete=models.CASCADE, related_name="api_keys")
    name = models.CharField(max_length=100, help_text="what the key is used for")
    prefix = models.CharField(max_length=16, help_text="the key's first characters, to recognise it by")
    digest = models.CharField(max_length=64, unique=True, editable=False)
    scopes = models.JSONField(default=list)
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    expires_at = models.DateTimeField(null=True, blank=True)
    revoked_at = models.DateTimeField(null=True, blank=True)
    last_used_at = models.DateTimeField(null=True, blank=True, editable=False)

    class Meta:
        ordering = ("-created_at", "-id")
        verbose_name = "API key"

    def __str__(self) -> str:
        return f"{self.name} ({self.prefix}…)"

    def is_usable(self) -> bool:
        """Neither revoked nor expired."""
        return self.revoked_at is None and (self.expires_at is None or self.expires_at > timezone.now())


class SecondFactor(models.Model):
    """The secret that a user shares with an app for one-time codes. Verbs live in `second_factor`."""

    owner = models.OneToOneField(User, on_delete=models.CASCADE, related_name="second_factor")
    secret = EncryptedField(editable=False)
    last_step = models.BigIntegerField(
        default=0, editable=False, help_text="of the last code taken; none is taken twice"
    )
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    confirmed_at = models.DateTimeField(null=True, editable=False, help_text="when it began to count")

    def __str__(self) -> str:
        return f"second factor of {self.owner_id}"


def new_cookie_jar_id() -> str:
    return f"cookie_{secrets.token_hex(8)}"


class CookieJar(models.Model):
    """Cookies of one or more sites, in Netscape's format, encrypted. Verbs live in `cookies`."""

    public_id = models.CharField(max_length=40, unique=True, default=new_cookie_jar_id, editable=False)
    owner = models.ForeignKey(User, on_delete=models.CASCADE, related_name="cookie_jars")
    name = models.CharField(max_length=50)
    content = EncryptedField(editable=False)
    domains = models.JSONField(default=list, help_text="domains that the cookies belong to, sorted")
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    updated_at = models.DateTimeField(
        default=timezone.now, editable=False, help_text="when the owner stored them; sites may have changed them since"
    )
    expires_at = models.DateTimeField(null=True, blank=True, help_text="when the first of them expires")
    lapses_at = models.DateTimeField(
        null=True, blank=True, help_text="when the last of them expires; none while there are cookies of a session"
    )
    last_used_at = models.DateTimeField(null=True, blank=True, editable=False)
    tested_at = models.DateTimeField(null=True, blank=True, editable=False)
    test_result = models.CharField(max_length=200, blank=True, editable=False)

    class Meta:
        ordering = ("name", "id")
        constraints = [models.UniqueConstraint(fields=("owner", "name"), name="cookie_jar_name_is_unique")]

    def __str__(self) -> str:
        return f"{self.name} ({self.public_id})"


class AuditEntry(models.Model):
    """What somebody did as an operator, in the admin or at the shell. `audit` writes it; nobody changes it."""

    class Source(models.TextChoices):
        ADMIN = "admin"
        COMMAND = "command"

    at = models.DateTimeField(default=timezone.now, db_index=True)
    actor = models.ForeignKey(User, on_delete=models.SET_NULL, null=True, blank=True, related_name="+")
    actor_name = models.CharField(max_length=150, help_text="as it was then; of a command, the system's user")
    source = models.CharField(max_length=16, choices=Source.choices)
    action = models.CharField(max_length=50, help_text="such as cancel, revoke, change")
    kind = models.CharField(max_length=50, help_text="what it was done to, such as job or API key")
    subjects = models.JSONField(default=list, help_text="names of the first of those that were changed")
    done = models.PositiveIntegerField(default=0, help_text="how many were changed")
    left = models.PositiveIntegerField(default=0, help_text="how many were left alone")
    details = models.TextField(blank=True, help_text="what was chosen, and why the first were left alone")

    class Meta:
        ordering = ("-id",)
        verbose_name_plural = "audit entries"
        indexes = [
            models.Index(fields=("action", "-id"), name="audit_by_action"),
            models.Index(fields=("actor_name", "-id"), name="audit_by_actor"),
        ]

    def __str__(self) -> str:
        return f"{self.actor_name}: {self.action} {self.kind}"
