"""What is about to be sent and where, for whoever is asked whether he wants that."""

from collections.abc import Iterator, Sequence

from kimitap.recorder.secret import digest_key
from kimitap.redact import mask_url
from kimitap.replay.experiment import Variant
from kimitap.replay.outgoing import Outgoing
from kimitap.replay.repair import Gap, Result
from kimitap.visible import one_line


def plan_lines(tried: Sequence[Variant], runs: int, lacking: Sequence[Gap] = ()) -> Iterator[str]:
    """Each request: where it goes, how long and how often, and whose keys go along."""
    for variant in tried:
        request = variant.request
        times = f", {runs} times" if runs > 1 else ""
        named = f"{variant.name}: " if len(tried) > 1 else ""
        how = "changed" if request.edited else "as it was recorded"
        yield f"{named}{one_line(f'{request.method} {_url(request)}', 300)}"
        yield f"  {len(request.body):,} bytes, {how}{times}"
        yield from (f"  {line}" for line in _keys(request))
    for gap in lacking:
        yield f"  put back: {gap_words(gap)}"


def _url(request: Outgoing) -> str:
    """Where it goes, as it will be recorded: a key among the address's parameters is masked."""
    return mask_url(request.url, digest_key())


def _keys(request: Outgoing) -> Iterator[str]:
    if request.borrowed:
        yield f"with the key in {', '.join(f'${name}' for name in request.borrowed)}"
    if request.left_out:
        names = ", ".join(one_line(name, 60) for name in request.left_out)
        yield f"without {names}: masked in the recording; --header 'Name: value' gives one"


def gap_words(gap: Gap) -> str:
    """What is put back, in words."""
    names = ", ".join(one_line(call.name, 60) for call in gap.calls)
    if gap.exchange is None:
        return f"at message {gap.at}, {_results(gap.results)}"
    what = f"the reply of #{gap.exchange}" + (f" ({names})" if names else "")
    instead = " for what stands there" if gap.slot else ""
    results = f", and {_results(gap.results)}" if gap.results else ""
    return f"{what} as message {gap.at}{instead}{results}"


def _results(results: Sequence[Result]) -> str:
    told = [
        f"the result of {one_line(result.call.name, 60)} "
        + (
            f"from #{result.exchange}"
            if result.exchange is not None
            else f"as {one_line(result.text, 60)!r}"
        )
        for result in results
    ]
    return ", ".join(told)


def off_machine(tried: Sequence[Variant]) -> tuple[str, ...]:
    """The servers beyond this machine to which the requests go, each once."""
    away = (v.request for v in tried if not v.request.stays_here)
    return tuple(dict.fromkeys(request.origin for request in away))


def question(origins: Sequence[str]) -> str:
    """What to ask before that."""
    clear = [origin for origin in origins if origin.startswith("http:")]
    where = " and ".join(one_line(origin, 200) for origin in origins)
    in_clear = ", in the clear" if clear else ""
    return f"Send this conversation to {where}{in_clear}?"
