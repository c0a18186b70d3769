"""A `kimitap` command in a process of its own, which says on stderr what it took.

`python -m bench.child check FILE`: the last line of stderr is JSON: `start_s`, `run_s`, `peak_mb`.
"""

import json
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from bench.procs import peak_mb


class CommandFailed(Exception):
    """The command did not do its work; the text ends with what it printed."""


@dataclass(frozen=True)
class Taken:
    """What a command took: `whole_s` by the clock, with the interpreter's start and end; `start_s`
    and `run_s` of the processor, before and after all was imported."""

    whole_s: float
    start_s: float
    run_s: float
    peak_mb: float
    output: str
    status: int


def run(*words: str, timeout_s: float = 300) -> Taken:
    """Run `kimitap` with these words in a process of its own."""
    start = time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-m", "bench.child", *words],
        cwd=Path(__file__).parent.parent,
        capture_output=True,
        text=True,
        timeout=timeout_s,
        check=False,
    )
    whole_s = time.perf_counter() - start
    try:
        said = json.loads(done.stderr.splitlines()[-1])
    except (IndexError, ValueError):
        raise CommandFailed(f"kimitap {' '.join(words)}:\n{done.stderr}") from None
    return Taken(whole_s=whole_s, output=done.stdout, status=done.returncode, **said)


def _main() -> None:
    import click

    from kimitap import cli

    cli.app.get_command(click.Context(cli.app), sys.argv[1])  # loads what the command needs
    start_s = time.process_time()
    try:
        cli.main()
    finally:
        run_s = time.process_time() - start_s
        said = {"start_s": start_s, "run_s": run_s, "peak_mb": peak_mb()}
        print(f"\n{json.dumps(said)}", file=sys.stderr)


if __name__ == "__main__":
    _main()
