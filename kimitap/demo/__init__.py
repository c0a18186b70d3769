"""The demo: a scripted llama-server and a small agent that keeps, or loses, its tool turns.

It knows nothing of Kimitap but that a recorder stands in the middle: what is played here could be
any agent and any server.
"""

from kimitap.demo.agent import Played
from kimitap.demo.proxy import DemoFailed
from kimitap.demo.stage import run

__all__ = ["DemoFailed", "Played", "run"]
