"""Run a command as a user types it, but in this process: starting Python takes longer than most."""

import io
import sys
from contextlib import redirect_stderr, redirect_stdout
from subprocess import CompletedProcess
from unittest.mock import patch

from catenary import cli


def catenary(*arguments: str) -> CompletedProcess[str]:
    out, err = io.StringIO(), io.StringIO()
    code: int | str | None = 0
    with (
        patch.object(sys, "argv", ["catenary", *arguments]),
        redirect_stdout(out),
        redirect_stderr(err),
    ):
        try:
            cli.main()
        except SystemExit as end:
            code = end.code
    return CompletedProcess(arguments, int(code or 0), out.getvalue(), err.getvalue())
