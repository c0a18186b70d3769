"""A session whose every text would act on a page, if a page let it."""

from dataclasses import replace

from kimitap.exchange import Exchange
from tests.support import chat

SCRIPT = "<script>window.pwned=1;alert(1)</script>"
ACTS = (
    SCRIPT,
    "<img src=x onerror='window.pwned=2'>",
    "<svg onload=window.pwned=3>",
    "<a href='javascript:window.pwned=4' autofocus onfocus=window.pwned=5>x</a>",
    "</pre></code></details></style></title></main></body><h1 id=evil>evil</h1>",
    "<!-- --><![CDATA[<iframe src='http://evil.example/'></iframe>]]>",
    "<meta http-equiv=refresh content='0;url=http://evil.example/'><base href=//evil.example/>",
    "<link rel=stylesheet href=http://evil.example/x.css><style>*{display:none}</style>",
    "<object data='data:text/html,<script>parent.pwned=6</script>'></object>",
    "{{ 7*191 }} {% for x in (1,2) %}{{ policy }}{% endfor %} {# gone #} ${7*191}",
    "&lt;b&gt; &#x3c;i&#x3e; &amp;amp;",
    "\x1b]52;c;aGFja2Vk\x07\x1b[2J\x9b31m\u202egnp.exe\u2066\x08\u2028",
    "![x](http://evil.example/a.png) [click](javascript:alert(1)) <http://evil.example> @admin #1",
    "endless" * 300,
    "```\n# heading\n~~~\n| a | b |\n    code",
)
HOSTILE = "\n".join(ACTS)
"""All of it; every piece also stands in the session by itself."""


def session() -> list[Exchange]:
    """A call that is lost, with such texts in all roles, names, arguments, results and headers."""
    name = f"tool{SCRIPT}"
    asks = chat.assistant(HOSTILE, chat.call(name, {HOSTILE: HOSTILE}, "c1"))
    asks["reasoning_content"] = HOSTILE
    opening = [chat.system(HOSTILE), chat.user(HOSTILE), *(chat.user(text) for text in ACTS)]
    again = chat.assistant(HOSTILE, chat.call(name, {HOSTILE: HOSTILE}, "c2"))
    tools = (chat.tool(name, **{SCRIPT: {"type": "string", "description": HOSTILE}}),)
    fields = {"model": HOSTILE, "stop": [HOSTILE], SCRIPT: HOSTILE}
    second = [*opening, chat.assistant(""), chat.result(HOSTILE, HOSTILE), chat.user(HOSTILE)]
    header = (("User-Agent", HOSTILE.replace("\n", " ")), ("@/etc/passwd", "x"))
    made = [
        chat.exchange(
            number,
            chat.request(*messages, tools=tools) | fields,
            chat.choice(reply, "tool_calls"),
            stream=True,
            headers=header,
            path=f"/v1/chat/completions?{SCRIPT}",
        )
        for number, messages, reply in ((1, opening, asks), (2, second, again))
    ]
    answered = ("Server", SCRIPT), ("Content-Type", "text/event-stream")
    return [replace(one, detail=HOSTILE, reason=SCRIPT, response_headers=answered) for one in made]
