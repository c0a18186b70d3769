"""What counts as a secret, and what stands in its place.

Two jobs. *Recording*: credentials in headers and URLs are replaced before they are queued for disk,
by `[masked:1f2e3d4c]`, eight hex digits of a keyed digest: equal digits mean equal credentials, so
"was it the same key?" can still be answered, and without the key (which never lies beside a
recording) the digits tell nothing, not even about a guessable password. *Exporting*: `mask_text`
takes what looks like a secret or names a person out of any text. Whole exchanges, with their
structure, are redacted one floor up, in `kimitap.redacting`. Both ask one detector, `finder`, which
is loaded only where there is something to be masked.

Both would rather keep a harmless word than damage evidence: tool call ids, git hashes, UUIDs,
session headers and token counts stay.
"""

from kimitap.redact.headers import marker, mask_headers, mask_url, masked_url
from kimitap.redact.level import Level
from kimitap.redact.masked import Masked
from kimitap.redact.text import mask_text

__all__ = ["Level", "Masked", "marker", "mask_headers", "mask_text", "mask_url", "masked_url"]
