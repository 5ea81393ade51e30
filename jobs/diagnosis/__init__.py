"""What could be wrong with this installation, and how each of it is mended. Looks only; `manage.py doctor` shows it."""

from jobs.diagnosis.examination import examine
from jobs.diagnosis.finding import Finding, Status

__all__ = ["Finding", "Status", "examine"]
