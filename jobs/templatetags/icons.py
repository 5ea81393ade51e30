"""`{% lucide %}` as the package has it, but each icon is drawn once: fifty rows show two hundred and fifty."""

from functools import lru_cache

from django import template
from lucide.templatetags.lucide import lucide

register = template.Library()
register.simple_tag(lru_cache(maxsize=1024)(lucide), name="lucide")
