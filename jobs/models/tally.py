"""What has happened, counted: rows that outlive those they count, so that what is counted never grows less."""

from django.db import models
from django.utils import timezone

from jobs.models.choices import choices
from jobs.states import Tallied


class Counted(models.Model):
    """How often something happened, and what it came to."""

    kind = models.CharField(max_length=16, choices=choices(Tallied))
    site = models.CharField(max_length=253, blank=True, help_text="host name of the links; empty for all sites")
    label = models.CharField(max_length=32, blank=True, help_text="what tells events of this kind apart")
    times = models.BigIntegerField(default=1)
    seconds = models.FloatField(default=0.0)
    size_bytes = models.BigIntegerField(default=0)

    class Meta:
        abstract = True


class TallyEntry(Counted):
    """Something that has just happened: written with the change itself, and soon added to its tally.

    One row for each event, because writers that add to the same tally would wait for each other.
    """

    def __str__(self) -> str:
        return f"{self.times} {self.kind} {self.label}".rstrip()


class Tally(Counted):
    """The sum of all entries of one kind, site and label."""

    changed_at = models.DateTimeField(default=timezone.now)

    class Meta:
        verbose_name_plural = "tallies"
        constraints = [models.UniqueConstraint(fields=("kind", "site", "label"), name="tally_is_unique")]

    def __str__(self) -> str:
        return f"{self.times} {self.kind} {self.site} {self.label}".rstrip()
