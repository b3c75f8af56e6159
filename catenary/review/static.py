"""The built front end; this file knows nothing of what is in it."""

from pathlib import Path

from fastapi import FastAPI, HTTPException
from fastapi.responses import FileResponse, HTMLResponse, Response
from fastapi.staticfiles import StaticFiles
from starlette.types import Scope

DIST = Path(__file__).parent / "web" / "dist"
_MISSING = """<!doctype html><html lang="en"><meta charset="utf-8"><title>catenary review</title>
<h1>The review page is not built</h1>
<p>The server works, but its front end was not built when catenary was installed. Build it with
<code>scripts/build-web</code> (it needs Node.js and npm) and start <code>catenary review</code>
again. The API is described at <a href="/api/openapi.json">/api/openapi.json</a>.</p>
<h1>审核页面尚未构建</h1>
<p>服务器已运行，但安装时未构建前端。请运行 <code>scripts/build-web</code>（需要 Node.js 和 npm），
然后重新启动 <code>catenary review</code>。</p></html>"""


class _Hashed(StaticFiles):
    """Files whose names change with their content: a browser need not ask for them again."""

    async def get_response(self, path: str, scope: Scope) -> Response:
        """Return a file."""
        answer = await super().get_response(path, scope)
        answer.headers["Cache-Control"] = "private, max-age=31536000, immutable"
        return answer


def install(app: FastAPI, dist: Path) -> None:
    """Serve the front end under every path that is not the API's."""
    if (dist / "assets").is_dir():
        app.mount("/assets", _Hashed(directory=dist / "assets"), name="assets")

    @app.get("/{page:path}", include_in_schema=False)
    def page(page: str) -> Response:
        """Show the page: the client reads the address itself."""
        if page == "api" or page.startswith("api/"):
            raise HTTPException(404)
        index = dist / "index.html"
        if not index.is_file():
            return HTMLResponse(_MISSING, 503)
        if page in _FILES and (dist / page).is_file():
            return FileResponse(dist / page)
        return FileResponse(index, headers={"Cache-Control": "no-cache"})


# Files beside the page; anything else is a place within it.
_FILES = frozenset({"favicon.ico", "favicon.svg", "manifest.webmanifest", "robots.txt"})
