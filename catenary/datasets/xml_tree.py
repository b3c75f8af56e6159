"""XML as a tree of plain values; documents that declare a DTD (entity bombs) are refused."""

from dataclasses import dataclass, field
from pathlib import Path
from xml.parsers import expat
from xml.sax.saxutils import escape, quoteattr

from catenary.domain.errors import ConfigError

_MAX_DEPTH = 100  # label files are some five deep; our starting value


@dataclass(slots=True)
class Node:
    """An element, its line in the file, and its text without outer blanks."""

    tag: str
    attributes: dict[str, str]
    line: int
    text: str = ""
    children: list["Node"] = field(default_factory=list)

    def all(self, tag: str) -> list["Node"]:
        """Return the children of one tag."""
        return [child for child in self.children if child.tag == tag]

    def first(self, tag: str) -> "Node | None":
        """Return the first child of one tag."""
        return next(iter(self.all(tag)), None)

    def told(self, tag: str) -> str:
        """Return the text of a child.

        Raises:
            KeyError: If there is no such child.
        """
        child = self.first(tag)
        if child is None:
            raise KeyError(tag)
        return child.text


class _Builder:
    def __init__(self, path: Path) -> None:
        self.parser = expat.ParserCreate()
        self.parser.buffer_text = True
        self.parser.StartDoctypeDeclHandler = self._refuse
        self.parser.StartElementHandler = self._start
        self.parser.EndElementHandler = self._end
        self.parser.CharacterDataHandler = self._text
        self.root: Node | None = None
        self._path = path
        self._open: list[Node] = []

    def _refuse(self, *_: object) -> None:
        line = self.parser.CurrentLineNumber
        raise ConfigError(f"{self._path}, line {line}: a DTD is not read; remove <!DOCTYPE ...>")

    def _start(self, tag: str, attributes: dict[str, str]) -> None:
        node = Node(tag, attributes, self.parser.CurrentLineNumber)
        if len(self._open) >= _MAX_DEPTH:
            raise ConfigError(f"{self._path}, line {node.line}: elements nested without end")
        if self._open:
            self._open[-1].children.append(node)
        else:
            self.root = node
        self._open.append(node)

    def _end(self, _tag: str) -> None:
        node = self._open.pop()
        node.text = node.text.strip()

    def _text(self, text: str) -> None:
        self._open[-1].text += text


def read(path: Path) -> Node:
    """Return the root element of an XML file.

    Raises:
        ConfigError: If it cannot be read, is not XML or declares a DTD, with the line.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise ConfigError(f"cannot read labels {path}: {error.strerror}") from error
    builder = _Builder(path)
    try:
        builder.parser.Parse(data, True)
    except expat.ExpatError as error:
        raise ConfigError(f"{path} is not XML: {error}") from error
    if builder.root is None:
        raise ConfigError(f"{path} is not XML: no element")
    return builder.root


def element(tag: str, attributes: dict[str, object] | None = None, inner: str = "") -> str:
    """Return an element as text; ``inner`` is XML already, see `text`."""
    told = "".join(f" {key}={quoteattr(str(value))}" for key, value in (attributes or {}).items())
    return f"<{tag}{told}>{inner}</{tag}>\n" if inner else f"<{tag}{told}/>\n"


def text(tag: str, content: object, attributes: dict[str, object] | None = None) -> str:
    """Return an element that holds a text."""
    return element(tag, attributes, escape(str(content)))
