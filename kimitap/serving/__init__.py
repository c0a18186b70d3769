"""Serving a recording: the recorded server's answers without the server, for an agent to run on."""

from kimitap.serving.script import Script, takes_of, threads_to_serve
from kimitap.serving.server import DEFAULT_LISTEN, answered, parse_listen, serve

__all__ = [
    "DEFAULT_LISTEN",
    "Script",
    "answered",
    "parse_listen",
    "serve",
    "takes_of",
    "threads_to_serve",
]
