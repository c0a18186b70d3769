"""What holds for all tests."""

import signal

from hypothesis import settings

settings.register_profile("kimitap", deadline=None)  # a busy machine is no fault of the code
settings.load_profile("kimitap")

# A shell ignores Ctrl-C for what it runs in the background, and children inherit that: the
# programs that tests start and interrupt would never end (.ci/run tests two Pythons at once). The
# same of a terminal's end under nohup.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)
if signal.getsignal(signal.SIGHUP) is signal.SIG_IGN:
    signal.signal(signal.SIGHUP, signal.SIG_DFL)
