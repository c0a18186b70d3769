"""The language of all searches: read, written, and the same in a thread and over all sessions."""

import pytest

from kimitap.transcript.query import LANGUAGE, Query, terms


@pytest.mark.parametrize(
    "typed",
    [
        "red green",
        '"red green" blue',
        'role:user tool:"my tool" sev:err',
        "/err(no)? \\d+/ word",
        '"role:user"',
        'a"b',
        *(typed for typed, _ in LANGUAGE),
    ],
)
def test_a_query_is_written_as_it_would_be_typed(typed: str) -> None:
    query = Query.parse(typed)
    assert not query.empty
    assert Query.parse(str(query)) == query


def test_a_phrase_that_looks_like_a_field_is_looked_for_as_it_stands() -> None:
    assert Query.parse('"role:user"').words == ("role:user",)
    assert Query.parse("role:user").roles == ("user",)


@pytest.mark.parametrize(
    ("typed", "read"),
    [
        ("Red  green", ("red", "green")),
        ('"Red green" x', ("red green", "x")),
        ('agent:"Roo Code" sev:err', ("agent:roo code", "sev:err")),
        ('"still open', ("still open",)),
        ('" "', ()),
    ],
)
def test_a_list_s_own_fields_take_phrases_too(typed: str, read: tuple[str, ...]) -> None:
    assert terms(typed) == read
