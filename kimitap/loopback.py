"""Which hosts are this machine alone: what goes there leaves nothing of the user's."""

from ipaddress import ip_address


def is_here(host: str) -> bool:
    """True for a name or address of this machine that no other can reach (RFC 6761 for names)."""
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False
