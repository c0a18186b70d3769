"""How keys and tokens look whose makers gave them a beginning of their own."""

import re

KEY_SHAPES = (
    r"sk-(?=[A-Za-z_-]{0,60}[0-9])(?=[A-Za-z0-9_-]{0,60}?[A-Za-z0-9_]{12})[A-Za-z0-9_-]{16,}",
    r"[sr]k_(?:live|test)_[A-Za-z0-9]{16,}",  # Stripe
    r"hf_[A-Za-z0-9]{30,}",
    r"gh[pousr]_[A-Za-z0-9]{36,}",
    r"github_pat_[A-Za-z0-9_]{22,}",
    r"glpat-[A-Za-z0-9_-]{20,}",
    r"(?:AKIA|ASIA)[A-Z0-9]{16}",
    r"AIza[A-Za-z0-9_-]{35}",
    r"ya29\.[A-Za-z0-9_-]{20,}",
    r"xox[abeoprs]-[A-Za-z0-9-]{10,}",
    r"gsk_[A-Za-z0-9]{40,}",
    r"r8_[A-Za-z0-9]{37,}",
    r"pplx-[A-Za-z0-9]{40,}",
    r"xai-[A-Za-z0-9]{60,}",
    r"nvapi-[A-Za-z0-9_-]{40,}",
    r"npm_[A-Za-z0-9]{36}",
    r"pypi-AgE[A-Za-z0-9_-]{50,}",
    r"SG\.[A-Za-z0-9_-]{16,}\.[A-Za-z0-9_-]{16,}",  # SendGrid
    r"dop_v1_[a-f0-9]{64}",
    r"eyJ[A-Za-z0-9_-]{8,1024}+\.eyJ[A-Za-z0-9_.-]{16,}[A-Za-z0-9_-]",  # JWT
)
ESCAPED = r"(?<=\\[bfnrt])|(?<=\\u[0-9a-fA-F]{4})|(?<=[\[0-9;][mK])"
"""Behind white space or a control character that was written out (`\\n`, `\\u001b`), and behind a
terminal's colour (`ESC[32m`): the last letter there is no part of the word that follows."""
START = rf"(?:(?<![A-Za-z0-9_])|{ESCAPED})"
# Every pattern takes time in proportion to the text, whatever it is: what may begin anywhere in a
# run of letters ends after a bounded length, or takes all the rest of the run.
KEY = re.compile(rf"{START}(?:{'|'.join(KEY_SHAPES)})(?![A-Za-z0-9])")
KEY_BEGINNINGS = (
    r"sk-(?=[A-Za-z_-]{0,60}[0-9])|[sr]k_(?:live|test)_|hf_|gh[pousr]_|github_pat_|glpat-|AKIA|ASIA"
    r"|AIza|ya29\.|xox[abeoprs]-|gsk_|r8_|pplx-|xai-|nvapi-|npm_|pypi-AgE|SG\.|dop_v1_|eyJ"
)
CUT_KEY = re.compile(rf"{START}(?:{KEY_BEGINNINGS})[A-Za-z0-9_.-]{{4,100}}(?=…)")
"""The first part of a key where a quote was cut: all but one letter is as good as the key."""
