"""How keys and tokens look whose makers gave them a beginning of their own."""

import re

_DIGIT = "(?=[A-Za-z_-]{0,60}[0-9])"
"""Words may begin as a key does; a key soon has a digit."""
_APART = "(?<![A-Za-z0-9+/]{32}[+/])"
"""Where a shape is so short that data in base64 comes to hold it."""
# Every pattern takes time in proportion to the text, whatever it is: what may begin anywhere in a
# run of letters ends after a bounded length, or takes all the rest of the run.
MAKERS: tuple[tuple[tuple[str, ...], str], ...] = (
    (("sk-ant-",), r"sk-ant-[A-Za-z0-9_-]{20,}"),
    (("sk-",), rf"sk-{_DIGIT}(?=[A-Za-z0-9_-]{{0,60}}?[A-Za-z0-9_]{{12}})[A-Za-z0-9_-]{{16,}}"),
    (("sk_", "rk_"), r"[sr]k_(?:live|test|prod)_[A-Za-z0-9]{16,}"),  # Stripe
    (("hf_",), r"hf_[A-Za-z0-9]{30,}"),
    (("api_org_",), r"api_org_[A-Za-z0-9]{30,}"),
    (("ghp_", "gho_", "ghu_", "ghs_", "ghr_"), r"gh[pousr]_[A-Za-z0-9]{36,}"),
    (("github_pat_",), r"github_pat_[A-Za-z0-9_]{22,}"),
    (("glpat-",), r"glpat-[A-Za-z0-9_-]{20,}(?:\.[a-z0-9]{2,9}){0,2}"),
    (
        ("glptt-", "glrt", "gldt-", "glft-", "glffct-", "glsoat-", "glimt-", "glagent-", "gloas-"),
        rf"gl(?:ptt|rtr?|dt|ft|ffct|soat|imt|agent|oas)-{_DIGIT}[A-Za-z0-9_-]{{20,}}"
        r"(?:\.[a-z0-9]{2,9}){0,2}",
    ),
    (("AKIA", "ASIA"), r"(?:AKIA|ASIA)[A-Z0-9]{16}"),
    (("ABSK",), rf"{_APART}ABSK[A-Za-z0-9+/]{{100,269}}={{0,2}}"),  # Amazon Bedrock
    (("AIza",), r"AIza[A-Za-z0-9_-]{35}"),
    (("ya29.",), r"ya29\.[A-Za-z0-9_-]{20,}"),
    (("1//0",), r"1//0[A-Za-z0-9_-]{30,256}"),
    (("GOCSPX-",), r"GOCSPX-[A-Za-z0-9_-]{20,64}"),
    (("xox",), r"xox[abeoprs]-[A-Za-z0-9-]{10,}"),
    (("xapp-",), r"xapp-[0-9]-[A-Za-z0-9]{6,20}-[0-9]{6,20}-[A-Za-z0-9]{20,}"),
    (("gsk_",), r"gsk_[A-Za-z0-9]{40,}"),
    (("r8_",), r"r8_[A-Za-z0-9]{37,}"),
    (("pplx-",), r"pplx-[A-Za-z0-9]{40,}"),
    (("xai-",), r"xai-[A-Za-z0-9]{60,}"),
    (("nvapi-",), r"nvapi-[A-Za-z0-9_-]{40,}"),
    (("npm_",), r"npm_[A-Za-z0-9]{36}"),
    (("pypi-AgE",), r"pypi-AgE[A-Za-z0-9_-]{50,}"),
    (("SG.",), r"SG\.[A-Za-z0-9_-]{16,}\.[A-Za-z0-9_-]{16,}"),  # SendGrid
    (("dop_v1_", "doo_v1_", "dor_v1_"), r"do[opr]_v1_[a-f0-9]{64}"),
    (("dckr_pat_", "dckr_oat_"), r"dckr_[po]at_[A-Za-z0-9_-]{20,64}"),
    (("hvs.", "hvb."), r"hv[sb]\.[A-Za-z0-9_-]{20,300}"),
    (("lin_api_",), r"lin_api_[A-Za-z0-9]{32,64}"),
    (("ntn_",), r"ntn_[A-Za-z0-9]{32,64}"),
    (("tvly-",), r"tvly-(?:dev-|prod-)?[A-Za-z0-9]{24,64}"),
    (("shpat_", "shpca_", "shppa_", "shpss_"), r"shp(?:at|ca|pa|ss)_[a-fA-F0-9]{32}"),
    (("whsec_",), r"whsec_[A-Za-z0-9+/=]{24,64}"),
    (("glsa_",), r"glsa_[A-Za-z0-9_]{30,64}"),
    (("glc_",), rf"glc_{_DIGIT}[A-Za-z0-9+/]{{32,400}}={{0,2}}"),
    (("ATATT3", "ATCTT3"), r"AT[AC]TT3[A-Za-z0-9_=-]{40,256}"),
    (("dapi",), r"dapi[a-f0-9]{32}(?:-[0-9])?"),
    (("AGE-SECRET-KEY-1",), r"AGE-SECRET-KEY-1[A-Z0-9]{50,64}"),
    (("fw_",), r"fw_[A-Za-z0-9]{22,64}"),
    (("csk-",), r"csk-[a-z0-9]{40,64}"),
    (("EAA",), rf"{_APART}EAA[A-Z][A-Za-z0-9]{{40,400}}"),  # Facebook
    (("phx_", "phc_"), r"ph[xc]_[A-Za-z0-9]{40,64}"),
    (("figd_",), r"figd_[A-Za-z0-9_-]{30,80}"),
    (("lsv2_",), r"lsv2_(?:pt|sk)_[a-f0-9]{32}(?:_[a-f0-9]{8,12})?"),
    (("jina_",), r"jina_[a-f0-9]{32}[A-Za-z0-9_-]{8,64}"),
    (("fc-",), rf"{_APART}fc-[a-f0-9]{{32}}"),  # Firecrawl
    (("sntrys_",), r"sntrys_[A-Za-z0-9+/=_-]{40,}"),
    (("sntryu_",), r"sntryu_[a-f0-9]{64}"),
    (("rubygems_",), r"rubygems_[a-f0-9]{48}"),
    (("cio",), rf"{_APART}cio(?=[A-Za-z]{{0,31}}[0-9])[A-Za-z0-9]{{32}}"),  # crates.io
    (("oy2",), rf"{_APART}oy2[a-z0-9]{{43}}"),  # NuGet
    (("dp.",), r"dp\.(?:pt|st|ct|sa|scim|audit)\.[A-Za-z0-9._-]{36,100}"),  # Doppler
    (("fo1_",), r"fo1_[A-Za-z0-9_-]{40,60}"),  # Fly
    (("fm1", "fm2_"), r"fm(?:1[ar]|2)_[A-Za-z0-9+/=,_-]{60,}"),
    (("ops_eyJ",), r"ops_eyJ[A-Za-z0-9+/=_-]{60,}"),  # 1Password
    (("A3-",), r"A3-[A-Z0-9]{6}-(?:[A-Z0-9]{11}|[A-Z0-9]{6}-[A-Z0-9]{5})(?:-[A-Z0-9]{5}){3}"),
    (("e2b_",), r"e2b_[a-f0-9]{40}"),
    (("sbp_",), r"sbp_(?:v0_)?[a-f0-9]{40}"),  # Supabase
    (("sb_secret_",), r"sb_secret_[A-Za-z0-9_-]{20,80}"),
    (("vcp_", "vck_", "vca_", "vci_", "vcr_"), r"vc[pkair]_[A-Za-z0-9]{24,80}"),  # Vercel
    (("BSA",), rf"{_APART}BSA(?=[A-Za-z_-]{{0,27}}[0-9])[A-Za-z0-9_-]{{27,29}}"),  # Brave
    (("tskey-",), r"tskey-[a-z]{2,20}-[A-Za-z0-9]{8,40}(?:-[A-Za-z0-9]{8,64})?"),  # Tailscale
    (("nsec1",), r"nsec1[a-z0-9]{58}"),  # Nostr
    (("mfa.",), r"mfa\.[A-Za-z0-9_-]{80,100}"),  # Discord
    (("pul-",), r"pul-[a-f0-9]{40}"),  # Pulumi
    (("PMAK-",), r"PMAK-[a-f0-9]{24}-[a-f0-9]{34}"),  # Postman
    (("xkeysib-",), r"xkeysib-[a-f0-9]{64}-[A-Za-z0-9]{16}"),  # Brevo
    (("rdme_",), r"rdme_[a-z0-9]{70}"),
    (("sgp_",), r"sgp_(?:[a-f0-9]{16}_|local_)?[a-f0-9]{40}"),  # Sourcegraph
    (("shippo_",), r"shippo_(?:live|test)_[a-f0-9]{40}"),
    (("pscale_",), r"pscale_(?:tkn|pw|oauth)_[A-Za-z0-9_=.-]{32,64}"),  # PlanetScale
    (("HRKU-",), r"HRKU-[A-Za-z0-9_-]{36,64}"),  # Heroku
    (("LTAI",), r"LTAI[A-Za-z0-9]{16,20}"),  # Alibaba
    (("AQVN",), rf"{_APART}AQVN[A-Za-z0-9_-]{{35,38}}"),  # Yandex
    (("sq0atp-",), r"sq0atp-[A-Za-z0-9_-]{22,60}"),  # Square
    (("NRAK-",), r"NRAK-[A-Z0-9]{27}"),  # New Relic
    (("sha256~",), r"sha256~[A-Za-z0-9_-]{43}"),  # OpenShift
    (("eyJ",), r"eyJ[A-Za-z0-9_-]{8,1024}+\.eyJ[A-Za-z0-9_.-]{16,}[A-Za-z0-9_-]"),  # JWT
)
"""How the keys of each maker begin, and their whole shape."""
BEGINNINGS = tuple(dict.fromkeys(start for starts, _ in MAKERS for start in starts))
ESCAPED = r"(?<=\\[bfnrt])|(?<=\\u[0-9a-fA-F]{4})|(?<=[\[0-9;][mK])"
"""Behind white space or a control character that was written out (`\\n`, `\\u001b`), and behind a
terminal's colour (`ESC[32m`): the last letter there is no part of the word that follows."""
START = rf"(?:(?<![A-Za-z0-9_])|{ESCAPED})"
KEY = re.compile(rf"{START}(?:{'|'.join(shape for _, shape in MAKERS)})(?![A-Za-z0-9])")
"""To be searched for only in texts that hold one of `BEGINNINGS`, which is faster to tell."""
_WORDY = frozenset({"sk-", "fc-", "dp.", "A3-", "BSA", "cio", "oy2", "fm1", "fw_", "sk_", "rk_"})
"""What other words begin with, too: where such a text is cut it may be any of them."""
_CUT = "|".join(re.escape(start) for start in BEGINNINGS if start not in _WORDY)
CUT_KEY = rf"{START}(?:{_CUT}|sk-{_DIGIT}|[sr]k_(?:live|test)_)[A-Za-z0-9_.-]{{4,100}}(?=…)"
"""The first part of a key where a quote was cut: all but one letter is as good as the key."""
