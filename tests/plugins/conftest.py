"""The test plugin `generation` as an artefact of each kind, built once."""

import os
import pathlib
import subprocess

import pytest
from artefacts import Artefact
from gateway import ROOT, binary

def built(*arguments, **environment):
    """What a build of the test plugins printed."""
    return subprocess.run(arguments, cwd=ROOT, env={**os.environ, **environment}, check=True, text=True, stdout=subprocess.PIPE).stdout


@pytest.fixture(scope="session")
def examples():
    """The folder of the native artefacts."""
    target = pathlib.Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target")) / "artefacts"
    build = "cargo build --quiet --locked --package gatewright-test-plugins --examples --features programs --target-dir"
    built(*build.split(), target, CARGO_PROFILE_DEV_STRIP="symbols")
    return target / "debug" / "examples"


@pytest.fixture(scope="session")
def components(tmp_path_factory):
    """Packs test plugins as their author would: the file of one, by its name."""
    modules = built("scripts/wasm-examples.sh", "gatewright-test-plugins").split()
    folder = tmp_path_factory.mktemp("components")

    def packed(name):
        module = next(module for module in modules if module.endswith(f"/{name}.wasm"))
        out = folder / f"{name}.wasm"
        subprocess.run([binary(), "plugin", "build", "--core", module, "--out", out], check=True, stdout=subprocess.DEVNULL)
        return out

    return packed


@pytest.fixture(scope="session")
def generations(examples, components):
    """`generation` of each kind, by the ending of its file."""
    return {
        ".wasm": Artefact(components("generation")),
        ".so": Artefact(examples / "libgeneration.so"),
        "": Artefact(examples / "generation_program"),
    }
