"""For `mitmdump -s addons/kimitap.py`: hands mitmproxy the recorder, installed or not."""

import sys
from pathlib import Path

# mitmproxy puts this file's folder first on sys.path, where `import kimitap` would find this file.
here = Path(__file__).resolve().parent
sys.path[:] = [str(here.parent), *(entry for entry in sys.path if Path(entry).resolve() != here)]

from kimitap.recorder import Recorder  # noqa: E402 - the path comes first

addons = [Recorder()]
