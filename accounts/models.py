"""Users and API keys. How a key is made and recognised is in `keys`, what a caller may do in `authentication`."""

from typing import ClassVar

from django.contrib.auth.models import AbstractUser, UserManager
from django.db import models
from django.utils import timezone


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


class User(AbstractUser):
    """A person or a program's owner."""

    objects: ClassVar[Users] = Users()


class ApiKey(models.Model):
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
