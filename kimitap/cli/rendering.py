"""The prompts behind the requests: `--ask-server`, and what `show --prompt` prints."""

from collections.abc import Sequence

import click

from kimitap.analysis import Analysis
from kimitap.asking import DIALECT, MOST_ASKED, Server, ask, outcome, wanted
from kimitap.cli.words import with_server as with_server
from kimitap.conversation import Turn
from kimitap.errors import UsageError
from kimitap.prompt import marked, seen


def learn_prompts(analysis: Analysis, url: str, numbers: Sequence[int]) -> str:
    """Ask the server for these prompts, and have the analysis take them in; says what came of it.

    Raises `UsageError` where the server cannot be asked, or renders none of them: it is another
    kind of server, and a check that goes on without it would say too little.
    """
    server = Server(url)
    bodies = {number: analysis.body(number) for number in numbers}
    prompts, refused = ask(server, bodies)
    told = outcome(url, prompts, refused)
    if refused and not prompts:
        raise UsageError(told)
    analysis.learn(prompts)
    return told


def ask_about(analysis: Analysis, url: str, every: bool) -> str:
    """Ask for the prompts that a check wants; see `learn_prompts`."""
    numbers = wanted(analysis.threads, analysis.findings, every)
    asked = numbers if every else numbers[-MOST_ASKED:]
    told = learn_prompts(analysis, url, asked)
    left = len(numbers) - len(asked)
    return f"{told}; {left} older ones left out (--ask-all)" if left else told


def ask_for(analysis: Analysis, url: str, turns: Sequence[Turn]) -> None:
    """Have the server render what can be rendered of these turns, and say what came of it."""
    numbers = [t.exchange for t in turns if t.dialect == DIALECT and not t.reply.prompt]
    if numbers:
        click.echo(learn_prompts(analysis, url, numbers), err=True)


def say_prompt(analysis: Analysis, turn: Turn, url: str | None) -> None:
    """Print a turn's prompt with the place of each message, asking for it where it is unknown."""
    if url is not None and turn.dialect != DIALECT:
        raise UsageError(f"exchange {turn.exchange} is no chat completion; no server renders it")
    if url is not None:
        click.echo(learn_prompts(analysis, url, [turn.exchange]), err=True)
        turn = analysis.turns[turn.exchange]
    turn = analysis.with_prompt(turn)
    if not turn.reply.prompt:
        raise UsageError(
            f"the prompt of exchange {turn.exchange} is not recorded; "
            "--ask-server URL has a llama-server render it"
        )
    for line in marked(turn, seen(turn, turn.reply.prompt)):
        click.echo(line)
