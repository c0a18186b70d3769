"""What the screens must know when it is a browser that shows them. Loads no server."""

import os
import signal
from threading import Thread
from time import sleep

_LOOK_S = 1.0


def in_browser() -> bool:
    """True in a process that a server started for a browser: its terminal is a page."""
    return os.environ.get("TEXTUAL_DRIVER", "").endswith("web_driver:WebDriver")


def end_with_parent() -> None:
    """End this process when the server that started it has gone, even if that was killed."""
    Thread(target=_wait, args=(os.getppid(),), daemon=True, name="parent").start()


def _wait(parent: int) -> None:
    while os.getppid() == parent:
        sleep(_LOOK_S)
    os.kill(os.getpid(), signal.SIGKILL)  # there is nobody to say good-bye to, nothing to save
