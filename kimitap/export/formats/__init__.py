"""What `kimitap check` found, in the formats that people and programs read.

Every format tells the same findings, places and severities; none of them tells a secret.
"""

from collections.abc import Callable, Mapping

from kimitap.export.formats.checked import Checked, harmless
from kimitap.export.formats.github import github
from kimitap.export.formats.json import json
from kimitap.export.formats.junit import junit
from kimitap.export.formats.markdown import markdown
from kimitap.export.formats.sarif import sarif
from kimitap.export.formats.text import summary, text

FORMATS: Mapping[str, Callable[[Checked], str]] = {
    "text": text,
    "json": json,
    "sarif": sarif,
    "junit": junit,
    "github": github,
    "markdown": markdown,
}

__all__ = ["FORMATS", "Checked", "harmless", "summary"]
