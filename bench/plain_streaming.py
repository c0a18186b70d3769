"""The baseline's mitmdump script: let streams through piece by piece, and record nothing."""

from mitmproxy import http


def responseheaders(flow: http.HTTPFlow) -> None:
    """Have the response streamed; mitmproxy would hold it back until its end otherwise."""
    assert flow.response is not None
    flow.response.stream = True
