"""Redaction of whole exchanges: see `redacted`. What a secret is in one line: `kimitap.redact`."""

from kimitap.redact.level import Level
from kimitap.redact.masked import Masked
from kimitap.redacting.exchanges import redacted

__all__ = ["Level", "Masked", "redacted"]
