"""Weaving: which turn follows which, how it gave the reply back, and which threads are one run."""

from kimitap.weave.compare import relate
from kimitap.weave.weaver import Weaver, weave

__all__ = ["Weaver", "relate", "weave"]
