"""Calls without results in the APIs of Anthropic and in OpenAI's Responses: the rule's examples."""

from kimitap.rules.examples import anthropic, responses
from kimitap.rules.finding import Place
from kimitap.rules.rule import Example

FOUND_WITHOUT = (
    "messages.2: `tool_use` ids were found without `tool_result` blocks immediately after: "
    "toolu_1. Each `tool_use` block must have a corresponding `tool_result` block in the next "
    "message."
)
READING = (*responses.TASK, responses.SAYING, responses.READ, responses.READ_TWO)
NO_OUTPUT = "No tool output found for function call call_1."

EXAMPLES = (
    Example(
        "Anthropic's API: both results in one message, before the user's text",
        (
            anthropic.step(anthropic.TASK, anthropic.SAYING, anthropic.READ, anthropic.READ_TWO),
            anthropic.step(
                (
                    *anthropic.TASK,
                    anthropic.assistant(anthropic.SAYING, anthropic.READ, anthropic.READ_TWO),
                    anthropic.user(anthropic.TABLE, anthropic.NOTES, anthropic.text("Go on.")),
                ),
                anthropic.DONE,
            ),
        ),
    ),
    Example(
        "the Responses API: calls and results as items, parallel and in turn",
        (
            responses.step(responses.TASK, responses.SAYING, responses.READ, responses.READ_TWO),
            responses.step(
                (*READING, responses.TABLE, responses.NOTES),
                responses.WRITE,
            ),
            responses.step(
                (
                    *READING,
                    responses.TABLE,
                    responses.NOTES,
                    responses.WRITE,
                    responses.WRITTEN,
                ),
                responses.DONE,
            ),
        ),
    ),
    Example(
        "the Responses API: the server keeps the history, and the request only its results",
        (
            responses.step(responses.TASK, responses.READ, responses.READ_TWO, id="resp_1"),
            responses.step(
                (responses.NOTES, responses.TABLE),
                responses.WRITE,
                id="resp_2",
                previous_response_id="resp_1",
            ),
            responses.step((responses.WRITTEN,), responses.DONE, previous_response_id="resp_2"),
        ),
    ),
    Example(
        "the Responses API: two calls of a reply that the server keeps, answered one by one",
        (
            responses.step(responses.TASK, responses.READ, responses.READ_TWO, id="resp_1"),
            responses.step(
                (responses.NOTES,), responses.SAYING, id="resp_2", previous_response_id="resp_1"
            ),
            responses.step((responses.TABLE,), responses.DONE, previous_response_id="resp_2"),
        ),
    ),
    Example(
        "the Responses API: the request names the reply, and holds no output for its call",
        (
            responses.step(responses.TASK, responses.READ, id="resp_1"),
            responses.step(
                (responses.user("Go on."),), responses.DONE, previous_response_id="resp_1"
            ),
        ),
        (Place(2, 1),),
    ),
    Example(
        "the Responses API: a function_call without its output is refused",
        (
            responses.step(responses.TASK, responses.SAYING, responses.READ),
            responses.refused(
                (*responses.TASK, responses.SAYING, responses.READ, responses.user("Go on.")),
                NO_OUTPUT,
            ),
        ),
        (Place(2, 2, 1),),
    ),
    Example(
        "the Responses API: the second of two parallel calls has no output",
        (
            responses.step(responses.TASK, responses.READ, responses.READ_TWO),
            responses.step(
                (
                    *responses.TASK,
                    responses.READ,
                    responses.READ_TWO,
                    responses.NOTES,
                    responses.user("Go on."),
                ),
                responses.WRITE,
            ),
        ),
        (Place(2, 2, 1),),
    ),
    Example(
        "Anthropic's API: a tool_use without its tool_result is refused",
        (
            anthropic.step(anthropic.TASK, anthropic.SAYING, anthropic.READ),
            anthropic.refused(
                (*anthropic.TASK, anthropic.ASKED, anthropic.user(anthropic.text("Go on."))),
                FOUND_WITHOUT,
            ),
        ),
        (Place(2, 2, 1),),
    ),
    Example(
        "Anthropic's API: the second tool_result never comes",
        (
            anthropic.step(anthropic.TASK, anthropic.READ, anthropic.READ_TWO),
            anthropic.step(
                (
                    *anthropic.TASK,
                    anthropic.assistant(anthropic.READ, anthropic.READ_TWO),
                    anthropic.user(anthropic.NOTES, anthropic.text("Go on.")),
                ),
                anthropic.DONE,
            ),
        ),
        (Place(2, 2, 1),),
    ),
)
