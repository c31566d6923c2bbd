"""Artefacts of the test plugin `generation`, each with other code."""

import pathlib

MARK = b"the code of generation "


class Artefact:
    """An artefact of which there are many, each with other code."""

    def __init__(self, path):
        self.content = pathlib.Path(path).read_bytes()
        assert MARK in self.content

    def put(self, path, number):
        """Puts the code of this number in place, as one should: beside it, then by a rename."""
        put(path, self.content.replace(MARK + b"0000", MARK + f"{number:04}".encode()))


def put(path, content):
    new = path.with_name(path.name + ".new")
    new.write_bytes(content)
    new.chmod(0o755)
    new.replace(path)
