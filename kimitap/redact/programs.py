"""Credentials where programs write them: command lines, configurations, files of passwords."""

import re

from kimitap.redact.kinds import COOKIE_KIND, PASSWORD_KIND, TOKEN_KIND, Pattern

NO_VALUE = (
    r"(?!\[|\$|\{|<|%[A-Z(]|\(|\*|&|\\|os\.|process\.|env\.|self\.|this\.|config\.|settings\."
    r"|(?i:none|null|nil|true|false|undefined|string|str|bytes|int|bool|object|required|optional"
    r"|any|secret|password|redacted|masked|hidden|changeme|x{3,}|\.{3}|…|your[-_ ]|my[-_ ]|get_?"
    r"|input|example)\b)"
)
"""What stands where a secret would, and is none: a variable, a type, a place to fill in."""

HOOKS: tuple[Pattern, ...] = (
    Pattern(
        TOKEN_KIND,
        ("discord.com/api/", "discordapp.com/api/"),
        re.compile(
            r"discord(?:app)?\.com/api/(?:v[0-9]{1,2}/)?webhooks/([0-9]{8,24}/[\w-]{24,100})"
        ),
        exact=True,
    ),
    Pattern(
        TOKEN_KIND,
        ("hooks.slack.com/",),
        re.compile(r"hooks\.slack\.com/(?:services|workflows|triggers)/([\w/+-]{20,120})"),
        exact=True,
    ),
    Pattern(
        TOKEN_KIND,
        ("webhook.office.com/", "outlook.office.com/webhook"),
        re.compile(
            r"(?:webhook|outlook)\.office\.com/webhook(?:b2)?/([\w@-]{30,100}[\w/@-]{0,200})"
        ),
        exact=True,
    ),
    Pattern(
        TOKEN_KIND,
        ("hooks.zapier.com/",),
        re.compile(r"hooks\.zapier\.com/hooks/catch/([0-9]{1,12}/\w{4,40})"),
        exact=True,
    ),
    Pattern(
        TOKEN_KIND, ("/bot",), re.compile(r"/bot([0-9]{6,12}:[\w-]{30,40})(?![\w-])"), exact=True
    ),
    Pattern(
        TOKEN_KIND,
        ("q~",),
        re.compile(r"Q~[\w~.-]{31,34}(?![\w~.-])"),
        0,
        re.compile(r"(?<![\w~.-])([\w~.]{3}[0-9])\Z"),
    ),
)
"""URLs that let whoever knows them in, and what else has a shape of its own."""

PROGRAMS: tuple[Pattern, ...] = (
    Pattern(
        TOKEN_KIND,
        ("://",),
        re.compile(
            r"://(?=[A-Za-z_-]{0,60}[0-9])([^\s/?#@:\"'\\<>\[\]()`,;]{16,256})@(?=[A-Za-z0-9\[])"
        ),
    ),
    Pattern(
        PASSWORD_KIND,
        (
            "$1$",
            "$apr1$",
            "$2",
            "$5$",
            "$6$",
            "$7$",
            "$y$",
            "$gy$",
            "$argon2",
            "$scrypt$",
            "$pbkdf2",
        ),
        re.compile(
            r"(\$(?:[0-9][abxy]?|apr1|g?y|argon2id?|scrypt|pbkdf2[\w-]{0,12})\$[\w./=,$+-]{20,300})"
        ),
    ),
    Pattern(
        PASSWORD_KIND,
        ("{sha}", "{ssha}", "{md5}", "{smd5}", "{ssha256}", "{ssha512}", "{crypt}"),
        re.compile(r"(?i:\{S?(?:SHA(?:256|512)?|MD5)\}|\{CRYPT\})([A-Za-z0-9+/.$]{13,200}={0,2})"),
    ),
    Pattern(
        PASSWORD_KIND,
        ("pbkdf2_sha", "bcrypt_sha"),
        re.compile(r"(?:pbkdf2|bcrypt)_sha[0-9]{1,3}\$([\w./+$=]{20,300})"),
    ),
    Pattern(
        PASSWORD_KIND,
        ("password>", "passwd>", "pwd>", "passphrase>", "apikey>", "api_key>", "api-key>"),
        re.compile(rf"[\w-]{{3,13}}>\s{{0,40}}{NO_VALUE}([^<>\s]{{3,512}})\s{{0,40}}</"),
        behind=re.compile(r"<[\w:.-]{0,40}\Z"),
    ),
    Pattern(
        PASSWORD_KIND,
        ('password" value=', "password' value="),
        re.compile(rf"(?i:password)[\"']\s?value=[\"']{NO_VALUE}([^\"'\r\n]{{3,256}})[\"']"),
    ),
    Pattern(
        PASSWORD_KIND,
        (" -p",),
        re.compile(rf" -P\s?[\"']?{NO_VALUE}(?!-)([^\s\"'`$|;&<>]{{3,128}})"),
        behind=re.compile(r"\b(?:un)?zip\b[^\n|;&]{0,60}\Z"),
    ),
    Pattern(
        PASSWORD_KIND,
        (" -w ",),
        re.compile(rf" -w [\"']?{NO_VALUE}(?!-)([^\s\"'`$|;&<>]{{3,128}})"),
        behind=re.compile(r"\bldap[a-z]{3,10}\b[^\n|;&]{0,60}\Z"),
    ),
    Pattern(
        PASSWORD_KIND,
        (" -u",),
        re.compile(rf" -U\s?[\"']?[\w.\\@-]{{1,64}}%{NO_VALUE}([^\s\"'`$|;&<>]{{3,128}})"),
        behind=re.compile(r"\b(?:smb|rpc)client\b[^\n|;&]{0,60}\Z"),
    ),
    Pattern(
        PASSWORD_KIND,
        ("htpasswd -",),
        re.compile(
            rf"htpasswd -\w{{0,8}}b\w{{0,8}} \S{{1,200}} \S{{1,64}} [\"']?{NO_VALUE}"
            r"([^\s\"'`$|;&<>]{3,128})"
        ),
        exact=True,
    ),
    Pattern(
        PASSWORD_KIND,
        ("PIN",),
        re.compile(r"PIN(?: code)?\s?(?::|=|is)\s?([0-9]{4,12})(?![\w.])"),
        behind=re.compile(r"(?:\A|\W)\Z"),
        exact=True,
    ),
    Pattern(
        PASSWORD_KIND,
        ("define(",),
        re.compile(
            r"(?i:define)\(\s{0,8}[\"'](?i:\w{0,40}(?:PASS|PASSWORD|PASSWD|PWD|SECRET|KEY|TOKEN|SALT))"
            rf"[\"']\s{{0,8}},\s{{0,8}}[\"']{NO_VALUE}([^\"'\r\n]{{1,256}})[\"']"
        ),
    ),
    Pattern(
        PASSWORD_KIND,
        ('password"', "password'", 'passwd"', "passwd'"),
        re.compile(
            r"pass(?:wor)?d[\"'],\s{0,4}([\"'])"
            rf"{NO_VALUE}(?=[^\"'\r\n]{{0,64}}[0-9])([^\"'\r\n]{{5,256}})\1"
        ),
        2,
    ),
    Pattern(
        PASSWORD_KIND,
        ("pass",),
        re.compile(
            rf"(?i:pass)[\"']?\s{{0,4}}[:=]\s{{0,4}}[\"']?{NO_VALUE}"
            r"(?=[^\s\"'`;&|(),<>]{0,64}[0-9])(?=[^\s\"'`;&|(),<>]{0,64}[A-Za-z])"
            r"([^\s\"'`;&|(),<>]{6,256})"
        ),
        behind=re.compile(r"(?:\A|[^A-Za-z0-9])\Z"),
    ),
    Pattern(
        PASSWORD_KIND,
        ("pass", "pwd"),
        re.compile(
            r"(?i:pass(?:word|wd|phrase|code)|pwd)[\"']\s{0,4}[:=]\s{0,4}(-?[0-9][0-9.]{2,40})"
        ),
    ),
    Pattern(
        PASSWORD_KIND,
        (" -p",),
        re.compile(rf" -p\s?[\"']?{NO_VALUE}(?!-)([^\s\"'`$|;&<>]{{3,128}})"),
        behind=re.compile(
            r"(?i)\b(?:sshpass|docker login\b[^\n|;&]{0,50}|podman login\b[^\n|;&]{0,50})\Z"
        ),
    ),
    Pattern(
        PASSWORD_KIND,
        (" -p",),
        re.compile(rf" -p[\"']?{NO_VALUE}(?!-)([^\s\"'`$|;&<>]{{3,128}})"),
        behind=re.compile(
            r"(?i)\b(?:mysql|mariadb|mysqldump|mysqladmin|mysqlimport)\b[^\n|;&]{0,60}\Z"
        ),
    ),
    Pattern(
        PASSWORD_KIND,
        (" -a ",),
        re.compile(rf" -a [\"']?{NO_VALUE}(?!-)([^\s\"'`$|;&<>]{{3,128}})"),
        behind=re.compile(r"\bredis-cli\b[^\n|;&]{0,60}\Z"),
    ),
    Pattern(
        COOKIE_KIND,
        ("true\t", "false\t", "true ", "false "),
        re.compile(
            r"(?:TRUE|FALSE)[\t ]{1,8}/[^\t \n]{0,200}[\t ]{1,8}(?:TRUE|FALSE)"
            r"[\t ]{1,8}(?:0|[0-9]{9,20})[\t ]{1,8}[^\s]{1,200}[\t ]{1,8}([^\s]{1,4096})"
        ),
    ),
)
"""The surest first."""
