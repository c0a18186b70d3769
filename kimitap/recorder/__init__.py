"""The recorder: mitmproxy's hooks → the recording, the proxy of `kimitap record`, flow files."""

from kimitap.recorder.addon import Recorder
from kimitap.recorder.capture import Imported, import_capture
from kimitap.recorder.line import Tally
from kimitap.recorder.proxy import DEFAULT_LISTEN, run_proxy

__all__ = ["DEFAULT_LISTEN", "Imported", "Recorder", "Tally", "import_capture", "run_proxy"]
