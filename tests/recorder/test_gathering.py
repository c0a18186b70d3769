"""A request's body that mitmproxy streams past the addons, copied up to a limit."""

from kimitap.recorder.tap import Gathering


def test_what_is_too_long_leaves_no_body_with_a_hole_in_it() -> None:
    gathering = Gathering(True, limit=10)
    passed = [gathering(part) for part in (b"12345678", b"abcdef", b"xy")]
    assert passed == [b"12345678", b"abcdef", b"xy"]
    assert not gathering.whole
    assert gathering.seen == b"12345678"


def test_what_is_just_short_enough_is_whole() -> None:
    gathering = Gathering(True, limit=10)
    for part in (b"12345678", b"xy", b""):
        gathering(part)
    assert gathering.whole
    assert gathering.seen == b"12345678xy"
