"""A wall clock that a test can put back or forward in the processes that it starts.

`AlteredClock.variables` are the environment of such a process: Python imports the `sitecustomize`
that is written there before anything else, and all that asks for the date gets the altered one. The
clock that only measures (`time.monotonic`) is left alone, as by a system whose date is changed.
"""

from pathlib import Path

_SITECUSTOMIZE = '''
import ctypes, datetime, gc, os, time

real, real_time = datetime.datetime, time.time
_read = [0.0, 0.0]

def shift():
    """The seconds by which the clock is wrong, read anew every few milliseconds."""
    if time.monotonic() > _read[0]:
        with open(os.environ["KIMITAP_TEST_SHIFT"]) as file:
            _read[:] = time.monotonic() + 0.005, float(file.read() or _read[1])
    return _read[1]

time.time = lambda: real_time() + shift()
time.time_ns = lambda: int(time.time() * 1e9)

def now(cls, tz=None):
    return cls.fromtimestamp(time.time(), tz)

def utcnow(cls):
    return cls.fromtimestamp(time.time(), datetime.UTC).replace(tzinfo=None)

# The class itself must stay, since libraries in C and Rust look for it: its methods are exchanged.
methods = gc.get_referents(real.__dict__)[0]
methods["now"], methods["utcnow"] = classmethod(now), classmethod(utcnow)
ctypes.pythonapi.PyType_Modified(ctypes.py_object(real))
'''

YEAR_S = 365 * 86_400.0


class AlteredClock:
    """The wall clock of some processes."""

    def __init__(self, folder: Path) -> None:
        self._file = folder / "shift"
        (folder / "sitecustomize.py").write_text(_SITECUSTOMIZE)
        self.variables = {"PYTHONPATH": str(folder), "KIMITAP_TEST_SHIFT": str(self._file)}
        self.put(0.0)

    def put(self, shift_s: float) -> None:
        """Let the clock be wrong by so many seconds from now on."""
        draft = self._file.with_suffix(".new")
        draft.write_text(str(shift_s))
        draft.replace(self._file)
