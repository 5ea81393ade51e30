"""Lucide's icons in pages, each read and drawn once for a process: a long queue shows hundreds of the same few."""

from functools import cache
from importlib.resources import files
from xml.etree import ElementTree
from zipfile import ZipFile

from django import template
from django.utils.safestring import SafeString, mark_safe

register = template.Library()

SVG = "http://www.w3.org/2000/svg"


@cache
def archive() -> ZipFile:
    """All of them. To open it takes as long as to draw forty icons."""
    return ZipFile(str(files("lucide") / "lucide.zip"))


@register.simple_tag
@cache
def icon(name: str, size: int = 20) -> SafeString:
    """The icon as inline SVG, `size` pixels wide and high, hidden from screen readers: the text beside it is for them.

    Raises KeyError for a name that Lucide does not have.
    """
    svg = ElementTree.fromstring(archive().read(f"{name}.svg"))  # noqa: S314  (a package's own file)
    svg.attrib |= {"width": str(size), "height": str(size), "aria-hidden": "true"}
    for node in svg.iter():
        node.tag = node.tag.removeprefix(f"{{{SVG}}}")
    return mark_safe(ElementTree.tostring(svg, encoding="unicode"))  # noqa: S308
