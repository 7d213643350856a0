#!/usr/bin/env python3
"""Writes a text file as a C header: embed.py IDENTIFIER INPUT OUTPUT."""

import sys

identifier, source, target = sys.argv[1:]
with open(source, encoding='ascii') as stream:
    lines = stream.readlines()
with open(target, 'w', encoding='ascii') as stream:
    print(f'/* Made from {source.rsplit("/", 1)[-1]}; do not edit. */', file=stream)
    print(f'static const char {identifier}[] =', file=stream)
    for line in lines:
        # A comment is for people, who read the file itself.
        if not line.lstrip().startswith('#'):
            text = line.rstrip('\n').replace('\\', '\\\\').replace('"', '\\"')
            print(f'\t"{text}\\n"', file=stream)
    print('\t"";', file=stream)
