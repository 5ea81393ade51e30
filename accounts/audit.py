"""The record of what operators do. Everything in the admin and every command that changes something writes to it.

A record never holds a secret: who calls `record` names things, and does not quote them.
"""

import os
import pwd
from collections.abc import Sequence
from dataclasses import dataclass

from accounts.models import AuditEntry, User

SUBJECTS_KEPT = 100
REASONS_KEPT = 10
LONGEST_DETAILS = 4000
Source = AuditEntry.Source


@dataclass(frozen=True)
class Actor:
    """Who acts as an operator, and from where."""

    name: str
    source: AuditEntry.Source
    user: User | None = None


def in_admin(user: User) -> Actor:
    """Somebody who is signed in to the admin."""
    return Actor(name=user.get_username(), source=Source.ADMIN, user=user)


def at_the_shell() -> Actor:
    """Who runs a command: the system knows the name, or at least the number."""
    number = os.getuid()
    try:
        name = pwd.getpwuid(number).pw_name
    except KeyError:  # in a container, users often have no name
        name = f"uid {number}"
    return Actor(name=name, source=Source.COMMAND)


def record(
    actor: Actor,
    action: str,
    kind: str,
    subjects: Sequence[str],
    *,
    done: int | None = None,
    refusals: Sequence[str] = (),
    details: str = "",
) -> AuditEntry:
    """Remember what was done to what. `done` is the number of subjects unless there are more than are named."""
    reasons = " ".join(refusals[:REASONS_KEPT])
    return AuditEntry.objects.create(
        actor=actor.user,
        actor_name=actor.name[:150],
        source=actor.source,
        action=action[:50],
        kind=kind[:50],
        subjects=list(subjects[:SUBJECTS_KEPT]),
        done=len(subjects) if done is None else done,
        left=len(refusals),
        details=" ".join(filter(None, (details, reasons)))[:LONGEST_DETAILS],
    )
