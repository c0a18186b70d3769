"""What mitmproxy says of a flow file that it cannot read: in one line, and with what to do."""

import logging

_READER = logging.getLogger("mitmproxy.addons.readfile")
"""Logs the exception of the file that `-r` names."""


def say_plainly() -> None:
    """Have a file that cannot be read named without a traceback."""
    if _plain not in _READER.filters:
        _READER.addFilter(_plain)


def _plain(record: logging.LogRecord) -> bool:
    if record.exc_info:
        record.exc_info = None
        record.msg = (
            f"{record.msg}; `kimitap import FILE` says more, and reads .xz, .gz and .bz2 too"
        )
    return True
