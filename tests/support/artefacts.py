"""Artefacts of the test plugin `generation`, each with other code."""

import pathlib

MARK = b"the code of generation "

# An operand of an instruction says the number too: that of 0, and another is xor'ed into it.
OPERAND = 0x5A17_93C5


def spellings(number):
    """How an artefact says this number: in words, as an operand, and as one of WASM's, always in as many bytes."""
    operand = OPERAND ^ number
    septets = [operand >> shift & 0x7F for shift in range(0, 35, 7)]
    leb128 = bytes(septet | 0x80 for septet in septets[:-1]) + bytes(septets[-1:])
    return [MARK + f"{number:04}".encode(), operand.to_bytes(4, "little"), leb128]


class Artefact:
    """An artefact of which there are many, each with other code."""

    def __init__(self, path):
        self.content = pathlib.Path(path).read_bytes()
        assert MARK in self.content

    def put(self, path, number):
        """Puts the code of this number in place, as one should: beside it, then by a rename."""
        content = self.content
        for before, after in zip(spellings(0), spellings(number)):
            content = content.replace(before, after)
        put(path, content)


def put(path, content):
    new = path.with_name(path.name + ".new")
    new.write_bytes(content)
    new.chmod(0o755)
    new.replace(path)
