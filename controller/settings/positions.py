"""Finds the line of every key of a TOML text, which the standard reader does not tell.

Meant for text that `tomllib` has accepted, so it refuses nothing; on any other text it still ends.
Pure.
"""

import re
from collections.abc import Iterator
from typing import NamedTuple

KeyPath = tuple[str | int, ...]

_TOKEN = re.compile(
    r"""(?P<space>[ \t\r]+|\#[^\n]*)
      | (?P<newline>\n)
      | (?P<string>\"{3}(?:\\.|[^\\])*?\"{3,5}|'{3}.*?'{3,5}|"(?:\\.|[^"\\\n])*"|'[^'\n]*')
      | (?P<mark>[\[\]{}=,])
      | (?P<bare>[^\s\[\]{}=,"'\#]+)""",
    re.VERBOSE | re.DOTALL,
)


class _Token(NamedTuple):
    kind: str
    text: str
    line: int


def _tokens(text: str) -> Iterator[_Token]:
    line = 1
    for match in _TOKEN.finditer(text):
        kind = match.lastgroup or ""
        if kind != "space":
            yield _Token(kind, match.group(), line)
        line += match.group().count("\n")
    yield _Token("end", "", line)


class _Scanner:
    """Walks the tokens once and notes where each key stands."""

    def __init__(self, text: str) -> None:
        self.lines: dict[KeyPath, int] = {}
        self._tokens = list(_tokens(text))
        self._at = 0
        self._lengths: dict[KeyPath, int] = {}

    @property
    def _here(self) -> _Token:
        return self._tokens[self._at]

    def _take(self) -> _Token:
        token = self._here
        self._at += token.kind != "end"
        return token

    def _skip(self, marks: str) -> None:
        while self._here.kind == "newline" or (self._here.text and self._here.text in marks):
            self._at += 1

    def document(self) -> None:
        table: KeyPath = ()
        self._skip("")
        while self._here.kind != "end":
            before = self._at
            if self._here.text == "[":
                table = self._header()
            else:
                self._pair(table)
            self._skip("")
            self._at = max(self._at, before + 1)

    def _header(self) -> KeyPath:
        line = self._take().line
        repeated = self._here.text == "["
        self._skip("[")
        path: KeyPath = ()
        for key in self._key():
            path = (*path, key)
            # A key that names a list of tables means its newest table, except as the last word
            # of a [[header]], which opens the next one.
            if path in self._lengths:
                path = (*path, self._lengths[path] - 1)
        if repeated and path:
            path = self._next_of(path)
        self._skip("]")
        self.lines.setdefault(path, line)
        return path

    def _next_of(self, path: KeyPath) -> KeyPath:
        name = path[:-1] if isinstance(path[-1], int) else path
        index = self._lengths.get(name, 0)
        self._lengths[name] = index + 1
        self.lines.setdefault(name, self._here.line)
        return (*name, index)

    def _key(self) -> list[str]:
        words: list[str] = []
        while self._here.kind in {"bare", "string"}:
            token = self._take()
            if token.kind == "string":
                words.append(token.text[1:-1])
            else:
                words.extend(word for word in token.text.split(".") if word)
        return words

    def _pair(self, table: KeyPath) -> None:
        line = self._here.line
        path = table
        for word in self._key():
            path = (*path, word)
            self.lines.setdefault(path, line)
        self._skip("=")
        self._value(path)

    def _value(self, path: KeyPath) -> None:
        if self._here.text == "[":
            self._list(path)
        elif self._here.text == "{":
            self._take()
            while self._here.text not in {"}", ""}:
                before = self._at
                self._pair(path)
                self._skip(",")
                self._at = max(self._at, before + 1)
            self._take()
        else:
            while self._here.kind in {"bare", "string"}:
                self._take()

    def _list(self, path: KeyPath) -> None:
        self._take()
        self._skip("")
        index = 0
        while self._here.text not in {"]", ""}:
            before = self._at
            self.lines[(*path, index)] = self._here.line
            self._value((*path, index))
            self._skip(",")
            self._at = max(self._at, before + 1)
            index += 1
        self._take()


def key_lines(text: str) -> dict[KeyPath, int]:
    """The line, from 1, of every key and table of a valid TOML text, by its path."""
    scanner = _Scanner(text)
    scanner.document()
    return scanner.lines
