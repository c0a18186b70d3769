"""Every key, said once: the bindings, the footer and the help screen are made from these tables."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from textual.binding import Binding, BindingType


@dataclass(frozen=True, slots=True)
class Key:
    """One action and its keys. `id` lets a user bind it anew; `foot` is its word in the footer."""

    id: str
    keys: str
    shown: str
    action: str
    words: str
    foot: str = ""


LIST_KEYS = (
    Key("down", "j,down", "j ↓", "move(1)", "line down"),
    Key("up", "k,up", "k ↑", "move(-1)", "line up"),
    Key("page-down", "ctrl+d,pagedown", "^d PgDn", "page(0.9)", "page down"),
    Key("page-up", "ctrl+u,pageup", "^u PgUp", "page(-0.9)", "page up"),
    Key("top", "g,home", "g Home", "end(-1)", "first line"),
    Key("bottom", "G,end", "G End", "end(1)", "last line"),
    Key("fold", "enter,space", "⏎ space", "choose", "unfold, fold", "⏎ unfold"),
)

MAIN_KEYS = (
    Key("next", "n", "n", "finding(1)", "next finding", "n next"),
    Key("previous", "N", "N", "finding(-1)", "previous finding"),
    Key("next-turn", "right_square_bracket", "]", "turn(1)", "next turn"),
    Key("previous-turn", "left_square_bracket", "[", "turn(-1)", "previous turn"),
    Key("next-section", "right_curly_bracket", "}", "thread(1)", "next thread"),
    Key("previous-section", "left_curly_bracket", "{", "thread(-1)", "previous thread"),
    Key("partner", "percent_sign", "%", "partner", "from a call to its result, and back"),
    Key("diff", "d", "d", "diff", "this turn against the next request", "d diff"),
    Key("mark", "m", "m", "mark", "mark this turn, for D"),
    Key("compare", "D", "D", "compare", "compare the marked one with this one"),
    Key("open", "v", "v", "open('messages')", "this turn: messages, JSON, wire, …", "v turn"),
    Key("raw", "r", "r", "open('wire')", "the raw exchange"),
    Key("prompt", "p", "p", "open('prompt')", "the prompt that the model read"),
    Key("export", "e", "e", "export", "write a report for a bug tracker", "e export"),
    Key(
        "find",
        "slash",
        "/",
        "find",
        "words, phrases, role: tool: sev:, patterns",
        "/ search",
    ),
    Key("filter", "ampersand", "&", "filter", "the same, and hide all other rows"),
    Key("search", "S", "S", "search", "search all sessions"),
    Key("findings", "f", "f", "only_findings", "only rows with findings, or all"),
    Key("all-findings", "F", "F", "all_findings", "all findings, by rule", "F findings"),
    Key("sessions", "s", "s", "sessions", "all sessions and threads", "s sessions"),
    Key("timeline", "T", "T", "timeline", "tokens, cache and speed, turn by turn"),
    Key("follow", "t", "t", "follow", "follow what is being recorded"),
    Key("copy", "y", "y", "copy", "copy the message at the cursor"),
    Key("copy-place", "Y", "Y", "copy_place", "copy the name of this place"),
    Key("curl", "c", "c", "copy_curl", "copy the request as a curl command"),
    Key("replay", "R", "R", "replay", "send this request again, compare the replies"),
    Key("editor", "o", "o", "open_text", "open the message in $EDITOR or a pager"),
    Key("delete", "X,delete", "X", "delete_session", "take this session out of the recording"),
    Key("pane", "tab", "tab", "pane(0)", "other pane"),
    Key("pane-left", "h,left", "h ←", "pane(-1)", "threads and turns"),
    Key("pane-right", "l,right", "l →", "pane(1)", "conversation"),
    Key("palette", "ctrl+p", "^p", "app.command_palette", "every action, by its words", "^p all"),
    Key("help", "question_mark,f1", "?", "help", "these keys", "? help"),
    Key("back", "escape", "esc", "back", "drop the search"),
    Key("quit", "q", "q", "app.quit", "quit"),
)

PLACE = Key("copy-place", "Y", "Y", "copy_place", "copy the name of this place")
CURL = Key("curl", "c", "c", "copy_curl", "copy the request as a curl command")
BACK = Key("back", "escape,q", "esc q", "back", "back", "esc back")

DIFF_KEYS = (
    Key("next", "n", "n", "change(1)", "next change", "n next"),
    Key("previous", "N", "N", "change(-1)", "previous change"),
    Key("next-turn", "right_square_bracket", "]", "turn(1)", "the pair after this", "] [ pair"),
    Key("previous-turn", "left_square_bracket", "[", "turn(-1)", "the pair before this"),
    Key("layout", "u", "u", "split", "side by side, or unified", "u side/unified"),
    Key("wrap", "w", "w", "wrap", "wrap long lines, or cut them", "w wrap"),
    Key("copy", "y", "y", "copy", "copy the change at the cursor"),
    PLACE,
    CURL,
    Key("export", "e", "e", "export", "write a report for a bug tracker", "e export"),
    Key("help", "question_mark,f1", "?", "help", "these keys", "? help"),
    BACK,
)

TURN_KEYS = (
    Key("next", "n", "n", "finding(1)", "next finding of the thread; in a search: hit", "n next"),
    Key("previous", "N", "N", "finding(-1)", "finding before; in a search: hit before"),
    Key("next-turn", "right_square_bracket", "]", "turn(1)", "next turn of the thread", "] [ turn"),
    Key("previous-turn", "left_square_bracket", "[", "turn(-1)", "turn before"),
    Key("next-section", "right_curly_bracket", "}", "section(1)", "next section", "} { section"),
    Key("previous-section", "left_curly_bracket", "{", "section(-1)", "section before"),
    Key("tab-1", "1", "1", "tab('messages')", "all messages and the reply"),
    Key("tab-2", "2", "2", "tab('request')", "the request's JSON"),
    Key("tab-3", "3", "3", "tab('reply')", "the reply's JSON; of a stream, its events"),
    Key("tab-4", "4", "4", "tab('wire')", "the bytes, and when they came"),
    Key("tab-5", "5", "5", "tab('headers')", "the headers"),
    Key("tab-6", "6", "6", "tab('prompt')", "the prompt that the model read"),
    Key("tab-7", "7", "7", "tab('timings')", "times, tokens and speeds"),
    Key("next-tab", "tab", "tab", "step(1)", "next tab"),
    Key("previous-tab", "shift+tab", "S-tab", "step(-1)", "tab before"),
    Key("find", "slash", "/", "find", "search in this tab", "/ search"),
    Key("unfold", "l,right", "l →", "unfold", "unfold, or into what is unfolded"),
    Key("refold", "h,left", "h ←", "fold", "fold, or to what it is in"),
    Key("unfold-all", "plus,equals_sign", "+", "level(1)", "unfold a level more", "+ - unfold"),
    Key("fold-all", "minus", "-", "level(-1)", "fold a level"),
    Key("layout", "u", "u", "text", "JSON as a tree, or the text as it is", "u text"),
    Key("wrap", "w", "w", "wrap", "wrap long lines, or cut them"),
    Key(
        "next-absent", "a", "a", "absent(1)", "next part that is absent from the prompt", "a absent"
    ),
    Key("previous-absent", "A", "A", "absent(-1)", "absent part before"),
    Key("copy", "y", "y", "copy", "copy what stands at the cursor"),
    PLACE,
    CURL,
    Key("timeline", "T", "T", "timeline", "tokens, cache and speed, turn by turn"),
    Key("replay", "R", "R", "replay", "send this request again, compare the replies"),
    Key("editor", "o", "o", "open_text", "open this tab's text in $EDITOR or a pager"),
    Key("export", "e", "e", "export", "write a report for a bug tracker"),
    Key("help", "question_mark,f1", "?", "help", "these keys", "? help"),
    BACK,
)

TIMELINE_KEYS = (
    Key("next", "n", "n", "finding(1)", "next turn with a finding", "n next"),
    Key("previous", "N", "N", "finding(-1)", "previous turn with a finding"),
    Key("up", "h,left,k,up", "h ←", "move(-1)", "turn before", "h l turn"),
    Key("down", "l,right,j,down", "l →", "move(1)", "turn after"),
    Key("page-down", "ctrl+d,pagedown", "^d PgDn", "page(1)", "a tenth of the thread on"),
    Key("page-up", "ctrl+u,pageup", "^u PgUp", "page(-1)", "a tenth of the thread back"),
    Key("top", "g,home", "g Home", "end(-1)", "first turn"),
    Key("bottom", "G,end", "G End", "end(1)", "last turn"),
    Key("next-turn", "right_square_bracket", "]", "move(1)", "turn after"),
    Key("previous-turn", "left_square_bracket", "[", "move(-1)", "turn before"),
    Key("next-section", "right_curly_bracket", "}", "thread(1)", "next thread", "} { thread"),
    Key("previous-section", "left_curly_bracket", "{", "thread(-1)", "previous thread"),
    Key("fold", "enter,space", "⏎", "visit", "this turn in the conversation", "⏎ read"),
    Key("diff", "d", "d", "diff", "this turn against the next request", "d diff"),
    Key("open", "v", "v", "open('timings')", "this turn's times and tokens", "v turn"),
    Key("copy", "y", "y", "copy", "copy the numbers of this turn"),
    PLACE,
    CURL,
    Key("help", "question_mark,f1", "?", "help", "these keys", "? help"),
    BACK,
)

SESSIONS_KEYS = (
    Key(
        "choose", "enter,space", "⏎ space", "choose", "read it in the conversation; fold", "⏎ read"
    ),
    Key("unfold", "l,right", "l →", "unfold(1)", "unfold"),
    Key("refold", "h,left", "h ←", "unfold(-1)", "fold, or to the session"),
    Key("fold-all", "z", "z", "fold_all", "fold all sessions, or none"),
    Key("next", "n", "n", "found(1)", "next session with findings", "n next"),
    Key("previous", "N", "N", "found(-1)", "previous session with findings"),
    Key("next-section", "right_curly_bracket", "}", "head(1)", "next session"),
    Key("previous-section", "left_curly_bracket", "{", "head(-1)", "previous session"),
    Key("find", "slash,ampersand", "/ &", "filter", "words, agent: model: sev: rule:", "/ filter"),
    Key("sort", "O", "O", "sort", "sort: newest, findings, tokens, turns", "O sort"),
    Key("mark", "m", "m", "mark", "mark a session or a thread, for D"),
    Key("compare", "D", "D", "compare", "the marked one against this one", "m D compare"),
    Key("export", "e", "e", "export", "report on the worst finding here", "e report"),
    Key("delete", "X,delete", "X", "delete", "take this session out of the recording"),
    Key("copy-place", "Y", "Y", "copy_place", "copy the name of this place"),
    Key("help", "question_mark,f1", "?", "help", "these keys", "? help"),
    BACK,
)

FINDINGS_KEYS = (
    Key(
        "choose", "enter,space", "⏎ space", "choose", "read it in the conversation; fold", "⏎ read"
    ),
    Key("next", "n", "n", "found(1)", "next finding", "n next"),
    Key("previous", "N", "N", "found(-1)", "previous finding"),
    Key("next-section", "right_curly_bracket", "}", "head(1)", "next rule", "} { rule"),
    Key("previous-section", "left_curly_bracket", "{", "head(-1)", "previous rule"),
    Key("unfold", "l,right", "l →", "unfold(1)", "unfold"),
    Key("refold", "h,left", "h ←", "unfold(-1)", "fold, or to the rule"),
    Key("fold-all", "z", "z", "fold_all", "fold all rules, or none"),
    Key("find", "slash,ampersand", "/ &", "filter", "words, sev: side: rule: session:", "/ filter"),
    Key("findings", "f", "f", "severity", "errors, warnings, notes, or all", "f severity"),
    Key("export", "e", "e", "export", "report on this finding", "e report"),
    Key("copy", "y", "y", "copy", "copy this finding"),
    PLACE,
    CURL,
    Key("pane", "tab", "tab", "pane", "the list, or what is said of it"),
    Key("help", "question_mark,f1", "?", "help", "these keys", "? help"),
    BACK,
)

SEARCH_KEYS = (
    Key(
        "choose", "enter,space", "⏎ space", "choose", "read it in the conversation; fold", "⏎ read"
    ),
    Key("find", "slash", "/", "edit", "other words", "/ words"),
    Key("hits", "down", "↓", "hits", "from the words to the hits"),
    Key("next", "n", "n", "found(1)", "next hit", "n next"),
    Key("previous", "N", "N", "found(-1)", "previous hit"),
    Key("next-section", "right_curly_bracket", "}", "head(1)", "next thread", "} { thread"),
    Key("previous-section", "left_curly_bracket", "{", "head(-1)", "previous thread"),
    Key("open", "v", "v", "open", "this turn: messages, JSON, wire, …", "v turn"),
    Key("copy", "y", "y", "copy", "copy the text of this hit", "y copy"),
    PLACE,
    CURL,
    Key("pane", "tab", "tab", "pane", "the hits, or the text of one"),
    Key("help", "question_mark,f1", "?", "help", "these keys", "? help"),
    BACK,
)

HELP_KEYS = (BACK,)

REPLAY_KEYS = (
    Key("yes", "y", "y", "send", "send it", "y send"),
    Key("no", "n,escape,q", "n esc", "leave", "no; once it is sent: hang up", "n no"),
    Key("edit", "e,o", "e", "edit", "change the body in $EDITOR", "e edit"),
    Key("put-back", "p", "p", "repair", "put back what the request lost", "p restore"),
    Key("stream", "s", "s", "stream", "ask for a stream, or for none", "s stream"),
)

CONFIRM_KEYS = (
    Key("yes", "y", "y", "answer(True)", "yes", "y yes"),
    Key("no", "n,escape,q", "n esc", "answer(False)", "no", "n no"),
)

QUESTIONS = {"replay": REPLAY_KEYS, "delete": CONFIRM_KEYS}
"""What the keys mean while a question is asked, by the key that leads to it."""


def with_list_keys(table: Sequence[Key]) -> Sequence[Key]:
    """A screen's keys, and those of the list or text in it that the screen does not bind itself."""
    ids = {key.id for key in table}
    bound = {one for key in table for one in key.keys.split(",")}
    rest = (k for k in LIST_KEYS if k.id not in ids and not bound.issuperset(k.keys.split(",")))
    return (*table, *rest)


def bindings(table: Iterable[Key]) -> list[BindingType]:
    """Textual's bindings for a table; the footer and the help are our own, hence not shown."""
    return [
        Binding(key.keys, key.action, key.words, show=False, id=f"kimitap.{key.id}")
        for key in table
    ]
