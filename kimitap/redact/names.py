"""Which members are secrets by their name."""

import re
from functools import lru_cache

_SECRET_NAME = re.compile(
    r"(?:.*[_.-])?(?:api-?key|apikey|api_key|secret|secret_?(?:access_?)?key|access_?key"
    r"|client_?secret|(?:access|auth|refresh|session|bearer|bot|csrf|api|id|identity|registry)_?token"
    r"|private_?key|password|passwd|pwd|passphrase|authorization|proxy-authorization|cookie"
    r"|set-cookie|credentials?|x-api-key|account_?key|signing_?key|connection_?string)",
    re.IGNORECASE,
)


@lru_cache(maxsize=4096)
def is_secret_name(name: str) -> bool:
    """Whether a member of this name holds a secret, whatever its value looks like."""
    plain = re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name) if len(name) < 200 else ""
    return bool(_SECRET_NAME.fullmatch(plain))
