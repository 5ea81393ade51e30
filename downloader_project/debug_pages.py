"""What Django's debug pages, which DEBUG turns on, must not show besides what Django hides by itself."""

import re

from django.views.debug import SafeExceptionReporterFilter


class SettingsFilter(SafeExceptionReporterFilter):
    """Hides addresses that may hold a password, too."""

    hidden_settings = re.compile(
        f"{SafeExceptionReporterFilter.hidden_settings.pattern}|REDIS|LOCATION|_URL", re.IGNORECASE
    )
