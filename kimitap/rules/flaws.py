"""What is wrong with a reply in itself, so that an agent may rightly throw it away."""

from kimitap.conversation import Turn
from kimitap.rules import markers
from kimitap.rules.arguments import malformed
from kimitap.rules.asked import tool_names
from kimitap.rules.endings import was_aborted, was_cut


def leaked(turn: Turn) -> bool:
    """True where the reply's text holds special tokens, or markup of calls to declared tools.

    Without declared tools the markup is an agent's own text protocol. In code it is quoted: people
    who write chat templates talk of such tokens all the time.
    """
    text = turn.reply.message.text
    if markers.tokens_in(text, tools=bool(turn.tools)):
        return True
    return bool(markers.calls_in(text, tool_names(turn)))


def flaw(turn: Turn) -> str:
    """Why an agent may rightly throw the reply away; `""` where it is sound."""
    if any(malformed(call) for call in turn.reply.message.tool_calls):
        return "the arguments of its call are no JSON object"
    if was_cut(turn):
        return "it was cut by the length limit"
    if was_aborted(turn):
        return "the server gave it up"
    if leaked(turn):
        return "special tokens leaked into its text"
    return ""
