"""Weaving: which turn follows which, how it gave the reply back, and which threads are one run."""

from kimitap.weave.compare import relate
from kimitap.weave.weaver import Weaver, weave
from kimitap.weave.whereabouts import Whereabouts

__all__ = ["Weaver", "Whereabouts", "relate", "weave"]
