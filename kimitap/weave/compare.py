"""Comparing any two turns, whether they follow each other or not."""

from kimitap.conversation import Turn
from kimitap.lineage import Link, Relation
from kimitap.weave.classify import classify, compaction_mark
from kimitap.weave.keys import Keys
from kimitap.weave.kin import leading_systems
from kimitap.weave.link import align_history, link_by_alignment, link_by_prefix
from kimitap.weave.strand import Strand


def relate(first: Turn, second: Turn) -> Link:
    """The link that `second` would have if it followed `first`."""
    keys = Keys()
    parent, child = Strand(first, leading_systems(first)), Strand(second, leading_systems(second))
    if keys.same(parent.messages, child.messages[: parent.length]):
        again = parent.length == child.length
        relation = Relation.RETRY if again else Relation.CONTINUES
        return link_by_prefix(parent, child, relation, keys, "compared as asked")
    pairs = align_history(parent, child, keys)
    relation, why = classify(parent, child, pairs, keys)
    if compaction_mark(child, pairs):
        relation = Relation.COMPACTION
    return link_by_alignment(parent, child, relation, pairs, keys, f"compared as asked: {why}")
