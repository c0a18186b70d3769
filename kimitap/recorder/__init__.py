"""The recorder: mitmproxy's hooks → the recording, the proxy of `kimitap record`, flow files.

The names are loaded at their first use: the scribe's process needs no mitmproxy, and the recorder's
no database.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from kimitap.recorder.addon import Recorder
    from kimitap.recorder.capture import Imported, import_capture
    from kimitap.recorder.proxy import DEFAULT_LISTEN, demand_loopback, run_proxy
    from kimitap.recorder.tally import Tally

__all__ = [
    "DEFAULT_LISTEN",
    "Imported",
    "Recorder",
    "Tally",
    "demand_loopback",
    "import_capture",
    "run_proxy",
]

_HOMES = {
    "Recorder": "addon",
    "Imported": "capture",
    "import_capture": "capture",
    "Tally": "tally",
    "DEFAULT_LISTEN": "proxy",
    "demand_loopback": "proxy",
    "run_proxy": "proxy",
}


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
