"""A report as one HTML page: no network, no script, and nothing recorded becomes markup.

Templates escape whatever they are given, and every value is made `visible` once more on its way
into the page; the page itself forbids its browser to load or run anything.
"""

from functools import cache
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined, Template
from markupsafe import Markup

from kimitap.export.html.page import Page
from kimitap.visible import visible

POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; img-src data:; "
    "base-uri 'none'; form-action 'none'"
)
"""The page's Content-Security-Policy."""


def render(page: Page) -> str:
    """The page as HTML, complete in itself."""
    return _template().render(page=page, policy=POLICY)


@cache
def _template() -> Template:
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=_clean,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template("page.html")


def _clean(value: object) -> object:
    """What stands on the page for a value: text without what a browser would act on."""
    if isinstance(value, str) and not isinstance(value, Markup):
        return visible(value)
    return value
