"""Leaves out declared tools and top-level parameters, each from all requests that have it."""

from collections.abc import Sequence

from kimitap.shrink.draft import Draft
from kimitap.shrink.messages import canonical
from kimitap.shrink.sameness import Drafts
from kimitap.shrink.search import Search
from kimitap.shrink.spans import Node, parse, spliced, without

NEEDED = frozenset({"model", "stream", "messages", "input", "prompt"})
"""Without these a server does not know what to answer."""

Declared = tuple[str, str]
"""An array's name, and an element of it in canonical form."""


def drop_fields(search: Search) -> None:
    """Leave out the parameters, and then the elements of the other arrays (`tools`, `system`)."""
    search.narrow(_names(search.best), _without_names)
    search.narrow(_declared(search.best), _without_declared)


def _names(drafts: Drafts) -> list[str]:
    """The top-level fields, in the order in which they first stand."""
    members = (item.name for draft in drafts for item in _members(draft))
    return [name for name in dict.fromkeys(members) if name not in NEEDED]


def _members(draft: Draft) -> Sequence[Node]:
    tree = tree_of(draft)
    return tree.items if tree is not None and tree.kind == "{" else ()


def tree_of(draft: Draft) -> Node | None:
    """Where the top-level fields of the request stand; None where it is no JSON."""
    try:
        return parse(draft.skeleton) if draft.dialect and draft.skeleton else None
    except ValueError:
        return None


def _without_names(drafts: Drafts, gone: Sequence[str]) -> Drafts:
    return tuple(_without(draft, set(gone)) for draft in drafts)


def _without(draft: Draft, gone: set[str]) -> Draft:
    drop = {i for i, item in enumerate(_members(draft)) if item.name in gone}
    tree = tree_of(draft)
    if not drop or tree is None:
        return draft
    return draft.with_skeleton(spliced(draft.skeleton, [without(draft.skeleton, tree, drop)]))


def _declared(drafts: Drafts) -> list[Declared]:
    found = (
        (name, canonical(element.bare))
        for draft in drafts
        for name, run in draft.runs
        if name != draft.history
        for element in run
    )
    return list(dict.fromkeys(found))


def _without_declared(drafts: Drafts, gone: Sequence[Declared]) -> Drafts:
    return tuple(_undeclared(draft, frozenset(gone)) for draft in drafts)


def _undeclared(draft: Draft, gone: frozenset[Declared]) -> Draft:
    for name, run in draft.runs:
        if name != draft.history:
            kept = [e for e in run if (name, canonical(e.bare)) not in gone]
            draft = draft.with_run(name, kept)
    return draft
