"""The Django project: settings, URLs, logging and the WSGI entry point. No domain logic lives here."""

__version__ = "4.0.0"
