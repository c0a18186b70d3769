"""The requests of a case as a shell script that sends them again."""

import re
from collections.abc import Iterable, Iterator

import orjson

from kimitap.exchange import Exchange
from kimitap.export.curl import curl

FOLDER = "bodies"
_HEAD = """\
#!/usr/bin/env bash
# The recorded requests, sent again with curl: all of them, or those whose numbers are given.
#
#   BASE_URL=http://127.0.0.1:8080 API_KEY=… ./replay.sh 2 3
#
# BASE_URL is your server (default: http://127.0.0.1:8080), API_KEY its key if it wants one.
set -u
cd -- "$(dirname -- "$0")" || exit 2
BASE_URL="${BASE_URL:-http://127.0.0.1:8080}"
BASE_URL="${BASE_URL%/}"
API_KEY="${API_KEY:-none}"
command -v curl >/dev/null || { echo "replay.sh: there is no curl here" >&2; exit 2; }

"""
_TAIL = """\
if [ $# -eq 0 ]; then set -- %s; fi
failed=0
for number in "$@"; do
  if ! declare -F "request_$number" >/dev/null; then
    echo "replay.sh: there is no exchange $number; say one of: %s" >&2
    exit 2
  fi
  echo "== exchange $number" >&2
  "request_$number" || failed=1
  echo
done
exit $failed
"""


def script(exchanges: Iterable[Exchange]) -> Iterator[str]:
    """The script, part by part: a function for each request, and below it what calls them."""
    numbers: list[str] = []
    yield _HEAD
    for exchange in exchanges:
        numbers.append(str(exchange.number))
        yield _function(exchange)
    listed = " ".join(numbers)
    yield _TAIL % (listed, listed)


def _function(exchange: Exchange) -> str:
    command = curl(exchange, base="$BASE_URL", body=body_name(exchange))
    indented = re.sub("^", "  ", command, flags=re.MULTILINE)
    return f"request_{exchange.number}() {{\n{indented.rstrip(' ')}}}\n\n"


def body_name(exchange: Exchange) -> str:
    """Where the request's body stands, below the report's folder; `""` where it has none."""
    if not exchange.request.size:
        return ""
    return f"{FOLDER}/{exchange.number}.{_suffix(exchange.request.content)}"


def _suffix(body: bytes) -> str:
    try:
        orjson.loads(body)
    except orjson.JSONDecodeError:
        return "bin"
    return "json"


def bodies(exchanges: Iterable[Exchange]) -> Iterator[tuple[str, bytes]]:
    """The names and bytes of the bodies that the script sends."""
    for exchange in exchanges:
        if name := body_name(exchange):
            yield name, exchange.request.content
