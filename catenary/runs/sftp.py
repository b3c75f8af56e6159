"""What is special to ``sftp://``: whom it trusts, how long it waits, and what went wrong in words.

The connection is made by sshfs on asyncssh, which reads ``~/.ssh/config`` and offers the keys of
the agent and of ``~/.ssh`` as ssh does.
"""

from importlib.util import find_spec
from typing import Any

SCHEMES = frozenset({"sftp", "ssh"})
# A link that is cut without a word is noticed after so many unanswered questions. Starting values.
_KEEPALIVE_S, _UNANSWERED = 10, 3
_CONNECT_S = 15
READ_S = 120.0  # of one file or folder, from a server that still answers otherwise


def options() -> dict[str, Any]:
    """Return how to connect.

    Raises:
        ImportError: If the package is missing. What fsspec would take instead trusts every server.
    """
    if find_spec("sshfs") is None:
        raise ImportError("it needs the package sshfs: pip install 'catenary[sftp]'")
    return {
        "known_hosts": (),  # those of ~/.ssh/known_hosts; sshfs by itself asks for none
        "connect_timeout": _CONNECT_S,
        "login_timeout": _CONNECT_S,
        "keepalive_interval": _KEEPALIVE_S,
        "keepalive_count_max": _UNANSWERED,
    }


def explained(error: BaseException) -> str:
    """Return an error of a connection in words, with what to do."""
    name = type(error).__name__  # of asyncssh, which need not be there
    if name == "HostKeyNotVerifiable":
        return (
            f"{error}: its key is not in ~/.ssh/known_hosts, or is another than there; compare the"
            " key's fingerprint with what the server's operator says, then connect once with ssh to"
            " accept it"
        )
    if isinstance(error, PermissionError):
        return f"{error}; load a key that the server accepts into the agent (ssh-add)"
    return str(error) or name
