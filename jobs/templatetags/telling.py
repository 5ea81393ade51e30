"""The domain's English sentences in the reader's language, for templates that show them as they were stored."""

from django import template

from jobs.views.sentences import said

register = template.Library()
register.filter("said", said)
