"""What names a person: addresses, users' names where systems write them, a tailnet's machines."""

import re

from kimitap.redact.kinds import EMAIL_KIND, HOME_KIND, HOST_KIND, USER_KIND, Pattern

_ENDING = r"(?!(?:png|jpe?g|gif|svg|webp|ico|py|js|ts|tsx|jsx|json|md|txt|css|html|service)\b)"
_NOBODY = (
    r"(?!(?:Shared|Public|Default|All Users|runner|user|username|USER|name|you|me)\b)(?![\[$%{<*.])"
)
_PART = r"[^\\/:*?\"<>|\r\n\s]{1,64}"
_NO_USER = (
    r"(?!(?:root|staff|wheel|users?|admin|nobody|nogroup|daemon|adm|sys|bin|www-data|docker|git|hg"
    r"|svn|runner|node|ubuntu|debian|ec2-user|postgres|mysql|redis|nginx|vscode|codespace|[0-9]+"
    r"|shadow|mail|man|tty|disk|utmp|crontab|games|lp|kvm|netdev|messagebus|systemd-\w+|_\w+)"
    r"(?![\w.-]))"
)
"""Users and groups that systems come with."""
_OWNERS = r"[-dlcbps][-rwxsStT]{9}[.+@]?\s{1,8}[0-9]{1,9}\s{1,8}"
_OWNER = r"[A-Za-z_][\w.+@\\-]{0,63}"
_SIZED = r"(?=\s{1,16}[0-9])"
_MODES = ("-rw", "-r-", "drw", "dr-", "lrw", "crw", "brw", "srw", "prw")
_CONTAINER = r"(?![0-9a-f]{12}(?![\w.-]))"
"""A container's id is no host's name."""
_HOST = rf"{_CONTAINER}[A-Za-z0-9](?:[A-Za-z0-9.-]{{0,120}}[A-Za-z0-9])?"
_SHELLS = r"ssh|scp|sftp|rsync|mosh|sshfs|ssh-copy-id|autossh"

PERSONAL: tuple[Pattern, ...] = (
    Pattern(
        EMAIL_KIND,
        ("@",),
        re.compile(
            rf"@(?:[^\W_](?:[\w-]{{0,62}}[^\W_])?\.){{1,8}}{_ENDING}[^\W\d_]{{2,24}}"
            r"(?![\w-]{0,64}[\w(@])"
        ),
        0,
        re.compile(r"(?:\A|[^\w.%+/@-])(?!(?:git|hg|svn)\Z)([^\W_][\w.%+'-]{0,64})\Z"),
    ),
    Pattern(
        HOME_KIND,
        ("/home/", "/Users/"),
        re.compile(rf"/(?:home|Users)/{_NOBODY}(\w[\w.@+-]{{0,64}})(?!:?//)"),
        behind=re.compile(
            r"(?:(?:\A|[^\w.-])|/var|/export|/mnt|(?:/mnt|/cygdrive)?/[a-z]|file:/{1,2}|[A-Za-z0-9]:"
            r"|localhost)\Z"
        ),
        exact=True,
    ),
    Pattern(
        HOME_KIND,
        ("users\\", "users/", "documents and settings\\", "documents and settings/"),
        re.compile(
            rf"(?i:users|documents and settings)[\\/]{{1,8}}{_NOBODY}"
            rf"({_PART}(?:[ ]{_PART}){{0,3}}(?=[\\/])|[\w.@+-]{{1,64}})"
        ),
        behind=re.compile(r"(?i)(?:[a-z]:[\\/]{1,8}|\\\\[\w.$-]{1,64}[\\/]{1,8}|\\)\Z"),
    ),
    Pattern(
        HOME_KIND,
        ("-home-", "-Users-"),
        re.compile(rf"-(?:home|Users)-{_NOBODY}([^\W_]{{1,64}})(?=-|\b)"),
        behind=re.compile(r"(?:\A|[\s\"'`(/:])\Z"),
        exact=True,
    ),
    Pattern(
        HOME_KIND,
        ("~",),
        re.compile(r"~([^\W\d_][\w.-]{0,63})(?=/)"),
        behind=re.compile(r"(?:\A|[^\w~/.\\)\]-])\Z"),
    ),
    Pattern(
        USER_KIND,
        _MODES,
        re.compile(rf"{_OWNERS}{_NO_USER}({_OWNER})\s{{1,8}}{_OWNER}{_SIZED}"),
        behind=re.compile(r"(?:\A|[\s|\"'`>])\Z"),
        exact=True,
    ),
    Pattern(
        USER_KIND,
        _MODES,
        re.compile(rf"{_OWNERS}{_OWNER}\s{{1,8}}{_NO_USER}({_OWNER}){_SIZED}"),
        behind=re.compile(r"(?:\A|[\s|\"'`>])\Z"),
        exact=True,
    ),
    Pattern(
        USER_KIND,
        ("@",),
        re.compile(
            rf"@{_HOST}(?=(?::[~/][^\s$#%]{{0,200}}|[ ][~/\w][^\s\]]{{0,100}}[\] ])[$#%](?!\w))"
        ),
        0,
        re.compile(r"(?:\A|[\s\[(>\"'`])([A-Za-z_][\w.-]{0,31})\Z"),
    ),
    Pattern(
        USER_KIND,
        ("@",),
        re.compile(rf"@{_HOST}(?![\w@(-])"),
        0,
        re.compile(
            rf"(?:\b(?:{_SHELLS})\s[^\n|;&<>]{{0,48}}?[\s\"']?|ssh://|sftp://)\b"
            r"(?!(?:git|hg|svn|user|username|name|you|me)\Z)([A-Za-z_][\w.-]{0,31})\Z"
        ),
    ),
    Pattern(
        USER_KIND,
        ("://",),
        re.compile(
            r"://(?!(?:git|hg|svn|user|username|x-access-token|oauth2)@)([a-z][\w.-]{2,31})@(?=\w)"
        ),
    ),
    Pattern(
        USER_KIND,
        (":x:", ":$", ":!", ":*:"),
        re.compile(r"(?=:x:[1-5]?[0-9]{4}:[0-9]{1,9}:|:\$[0-9a-z]|:[!*]{1,2}:[0-9])()"),
        1,
        re.compile(rf"(?:\A|[\s\"'`]){_NO_USER}([a-z_][a-z0-9_.-]{{0,31}})\Z"),
    ),
    Pattern(USER_KIND, (":x:",), re.compile(r":x:[1-5]?[0-9]{4}:[0-9]{1,9}:([^:\r\n]{2,100}):/")),
    Pattern(
        USER_KIND,
        (" -l ",),
        re.compile(rf" -l {_NO_USER}([A-Za-z_][\w.-]{{0,31}})(?=\s)"),
        behind=re.compile(r"\bssh\b[^\n|;&]{0,60}\Z"),
        exact=True,
    ),
    Pattern(
        USER_KIND,
        ("User ",),
        re.compile(rf"User {_NO_USER}([A-Za-z_][\w.-]{{0,31}})(?=\s{{0,8}}(?:\n|\Z))"),
        behind=re.compile(r"\n[ \t]{1,8}\Z"),
        exact=True,
    ),
    Pattern(
        USER_KIND,
        ("USER=", "LOGNAME=", "USERNAME="),
        re.compile(
            rf"(?:LOGNAME|USER(?:NAME)?)={_NO_USER}([A-Za-z_][\w.-]{{0,31}})(?=[\s;\"']|\Z)"
        ),
        behind=re.compile(r"(?:\A|[\s;\"'])\Z"),
        exact=True,
    ),
    Pattern(
        USER_KIND,
        ("uid=", "gid=", "groups="),
        re.compile(rf"(?:[ug]id|groups)=[0-9]{{1,9}}\({_NO_USER}([A-Za-z_][\w.-]{{0,31}})\)"),
        behind=re.compile(r"(?:\A|\W|e)\Z"),
        exact=True,
    ),
    Pattern(
        HOST_KIND,
        (".ts.net",),
        re.compile(r"\.ts\.net(?![\w-])"),
        0,
        re.compile(r"(?<![\w.-])([A-Za-z0-9][\w.-]{0,70})\Z"),
    ),
)
"""What names a person, or his machines."""
