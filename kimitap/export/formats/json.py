"""Findings as one JSON document, for programs."""

import orjson

import kimitap
from kimitap.export.formats.checked import Checked
from kimitap.rules.finding import as_json
from kimitap.visible import visible


def json(checked: Checked) -> str:
    """Counts and findings; keys are only ever added."""
    document = {
        "kimitap": kimitap.__version__,
        "database": visible(checked.database),
        **checked.counts,
        "findings": [as_json(finding) for finding in checked.findings],
    }
    return orjson.dumps(document, option=orjson.OPT_INDENT_2).decode() + "\n"
