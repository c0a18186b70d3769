import zstandard

from bench.prose import Writer


def ratio(*texts: bytes) -> float:
    compress = zstandard.ZstdCompressor(level=3).compress
    return sum(map(len, texts)) / sum(len(compress(text)) for text in texts)


def test_the_text_compresses_as_source_code_does() -> None:
    writer = Writer(seed=1)
    texts = [writer.source(4_000).encode() for _ in range(60)]

    assert 3.3 < ratio(b"".join(texts)) < 4.8
    assert 2.3 < ratio(*texts) < 3.5


def test_a_seed_always_gives_the_same_text() -> None:
    assert Writer(seed=1).log(2_000) == Writer(seed=1).log(2_000)
    assert Writer(seed=1).log(2_000) != Writer(seed=2).log(2_000)


def test_a_text_has_the_size_that_was_asked_for() -> None:
    assert len(Writer(seed=3).hits(1_234)) == 1_234
