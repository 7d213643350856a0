"""Reads the YAML that the guard writes: block mappings and lists, and flow ones on one line. Strict on purpose: whatever is outside of this, a duplicate key included, is an error of
the guard, because it promised that outside text cannot change a document's shape."""

import re


class YamlError(ValueError):
    pass


ESCAPES = {'0': '\0', 'a': '\a', 'b': '\b', 't': '\t', 'n': '\n', 'v': '\v', 'f': '\f', 'r': '\r',
           'e': '\x1b', ' ': ' ', '"': '"', '/': '/', '\\': '\\', 'N': '\x85', '_': '\xa0',
           'L': '\u2028', 'P': '\u2029'}
KEY = re.compile(r'([A-Za-z_][A-Za-z0-9_.-]*|"(?:[^"\\]|\\.)*"):(?: (.*))?$')
# A plain scalar of ours: numbers, booleans, stamps and words without YAML's indicators.
PLAIN = re.compile(r'[A-Za-z0-9_/.+-](?:[A-Za-z0-9_/.,;@%+=() -]|:(?! ))*$')


def _double_quoted(text):
    """A quoted text and what follows it."""
    out, at = [], 1
    while at < len(text):
        letter = text[at]
        if letter == '"':
            return ''.join(out), text[at + 1:]
        if letter == '\\':
            kind = text[at + 1:at + 2]
            digits = {'x': 2, 'u': 4, 'U': 8}.get(kind)
            if digits:
                out.append(chr(int(text[at + 2:at + 2 + digits], 16)))
                at += 2 + digits
            elif kind in ESCAPES and kind:
                out.append(ESCAPES[kind])
                at += 2
            else:
                raise YamlError(f'unknown escape in {text!r}')
            continue
        if not letter.isprintable():
            raise YamlError(f'unescaped control character in {text!r}')
        out.append(letter)
        at += 1
    raise YamlError(f'no closing quote: {text!r}')


def _flow(text):
    """A value inside of brackets and what follows it."""
    if text.startswith('"'):
        return _double_quoted(text)
    if text[:1] in ('[', '{'):
        return _flow_list(text) if text[0] == '[' else _flow_mapping(text)
    word = re.match(r'[^,\[\]{}"]*', text)[0]
    return _scalar(word.strip(' ')), text[len(word):]


def _flow_items(text, closing):
    """The places of the items of a list or mapping; each is sent what follows the item."""
    text = text[1:].lstrip(' ')
    while not text.startswith(closing):
        text = (yield text).lstrip(' ')
        if text.startswith(','):
            text = text[1:].lstrip(' ')
        elif not text.startswith(closing):
            raise YamlError(f'no comma: {text!r}')
    yield None
    yield text[1:]


def _flow_list(text):
    found, items = [], _flow_items(text, ']')
    place = next(items)
    while place is not None:
        value, rest = _flow(place)
        found.append(value)
        place = items.send(rest)
    return found, next(items)


def _flow_mapping(text):
    found, items = {}, _flow_items(text, '}')
    place = next(items)
    while place is not None:
        match = re.match(r'("?)([A-Za-z_][A-Za-z0-9_]*)\1: ', place)
        if not match or match[2] in found:
            raise YamlError(f'no key, or one that was there before: {place!r}')
        found[match[2]], rest = _flow(place[match.end():])
        place = items.send(rest)
    return found, next(items)


def _scalar(text):
    if text[:1] in ('"', '[', '{'):
        value, rest = _flow(text)
        if rest:
            raise YamlError(f'text behind the value: {rest!r}')
        return value
    if not PLAIN.match(text):
        raise YamlError(f'not a scalar of ours: {text!r}')
    if text in ('true', 'false'):
        return text == 'true'
    if text in ('null', '~', 'yes', 'no', 'on', 'off', 'Null', 'True', 'False', 'Yes', 'No'):
        raise YamlError(f'ambiguous plain scalar: {text!r}')
    if re.fullmatch(r'-?(0|[1-9][0-9]*)', text):
        return int(text)
    return text


class _Lines:
    def __init__(self, text):
        self.lines = [(len(line) - len(line.lstrip(' ')), line.strip(' '))
                      for line in text.split('\n') if line and not line.startswith('#')]

    def block(self, indent):
        """The mapping or list whose lines are indented by exactly indent."""
        return self.list(indent) if self.lines[0][1].startswith('-') else self.mapping(indent)

    def mapping(self, indent):
        found = {}
        while self.lines and self.lines[0][0] == indent and not self.lines[0][1].startswith('- '):
            match = KEY.match(self.lines.pop(0)[1])
            if not match:
                raise YamlError('not "key: value"')
            key = _scalar(match[1])
            if key in found:
                raise YamlError(f'duplicate key {key!r}')
            found[key] = self.value(match[2], indent)
        if self.lines and self.lines[0][0] > indent:
            raise YamlError(f'unexpected indentation at {self.lines[0][1]!r}')
        return found

    def value(self, text, indent):
        if text:
            return _scalar(text)
        if not self.lines:
            raise YamlError('no value')
        inner, line = self.lines[0]
        if inner > indent or (inner == indent and line.startswith('-')):
            return self.block(inner)
        raise YamlError(f'no value before {line!r}')

    def list(self, indent):
        found = []
        while self.lines and self.lines[0][0] == indent and self.lines[0][1].startswith('-'):
            text = self.lines[0][1][1:]
            item = text.strip(' ')
            if KEY.match(item):  # a mapping begins on the dash's own line
                inner = indent + 1 + len(text) - len(text.lstrip(' '))
                self.lines[0] = (inner, item)
                found.append(self.mapping(inner))
            else:
                self.lines.pop(0)
                found.append(self.value(item, indent))
        return found


def read_documents(text):
    """All documents of a text that begins each with a line of three dashes."""
    documents = []
    for part in re.split(r'(?m)^---$\n?', text):
        if not part.strip():
            continue
        lines = _Lines(part.removesuffix('...\n'))
        documents.append(lines.mapping(0))
        if lines.lines:
            raise YamlError(f'left over: {lines.lines[0][1]!r}')
    return documents
