"""Builds the wheel: stripped, for Linux of 2014 and later, with its debug information in a file beside it.

    python tools/wheel.py                                       for this machine
    python tools/wheel.py --target aarch64-unknown-linux-gnu    for another

On Linux zig links against the C library of manylinux2014, so nothing newer is asked for. Elsewhere the
system's own linker is used.
"""

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Final

REPOSITORY: Final = Path(__file__).resolve().parents[1]
RAW: Final = REPOSITORY / "target" / "wheel"
EXTENSION: Final = "dita/_kernel.abi3.so"
#: The C ABI's library, as `make setup` leaves it in the package.
LIBRARY: Final = REPOSITORY / "python" / "dita" / "capi" / "libdita_v2_kernel.so"
#: The C library of manylinux2014.
GLIBC: Final = "2.17"
COMPATIBILITY: Final = "manylinux2014"
#: A wheel above this is an error: something came along that should not have.
WHEEL_BYTES_MAX: Final = 8_000_000


def main(arguments: Sequence[str] | None = None) -> int:
    """Build, strip, pack; return the exit code."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--target", default=_host(), help="a Rust target triple (default: this machine's)")
    parser.add_argument("--out", type=Path, default=REPOSITORY / "dist", help="where the wheel goes (dist)")
    options = parser.parse_args(arguments)
    options.out.mkdir(parents=True, exist_ok=True)
    wheel = packed(built(options.target), options.out)
    size = wheel.stat().st_size
    sys.stdout.write(f"{wheel}  {size / 1e6:.1f} MB\n{debug_file(wheel)}\n")
    if size > WHEEL_BYTES_MAX:
        sys.stderr.write(f"{wheel.name} has {size} bytes, more than {WHEEL_BYTES_MAX}\n")
        return 1
    return 0


def built(target: str) -> Path:
    """Build a wheel with everything in it, and return it.

    Args:
        target: A Rust target triple.
    """
    shutil.rmtree(RAW, ignore_errors=True)
    if "linux" not in target:
        return _with_maturin(target)
    # The wheel takes what lies in the package: the target's library, and this machine's again afterwards.
    kept = LIBRARY.read_bytes() if LIBRARY.is_file() else None
    shutil.copyfile(c_library(target), LIBRARY)
    try:
        return _with_maturin(target)
    finally:
        if kept is None:
            LIBRARY.unlink()
        else:
            LIBRARY.write_bytes(kept)


def c_library(target: str) -> Path:
    """Build the C ABI's library for a Linux target, as the wheel's platform asks; return it stripped.

    Args:
        target: A Rust target triple.
    """
    name = target.replace("-", "_")
    zig_target = f"{target.replace('-unknown', '')}.{GLIBC}"
    with tempfile.TemporaryDirectory() as scratch:
        compiler, archiver = Path(scratch) / "cc", Path(scratch) / "ar"
        zig = f'exec "{sys.executable}" -m maturin zig'
        compiler.write_text(f'#!/bin/sh\n{zig} cc -- -target {zig_target} "$@"\n', encoding="utf-8")
        archiver.write_text(f'#!/bin/sh\n{zig} ar -- "$@"\n', encoding="utf-8")
        for script in (compiler, archiver):
            script.chmod(0o700)
        tools = {
            f"CARGO_TARGET_{name.upper()}_LINKER": os.fspath(compiler),
            f"CC_{name}": os.fspath(compiler),
            f"AR_{name}": os.fspath(archiver),
            **_beside_this_interpreter(),
        }
        command = [
            *("cargo", "rustc", "--release", "--locked", "--quiet", "--package", "dita-capi", "--lib"),
            *("--features", "mimalloc", "--crate-type", "cdylib", "--target", target),
            *("--", "-C", f"link-arg=-Wl,-soname,{LIBRARY.name}"),
        ]
        subprocess.run(command, check=True, cwd=REPOSITORY, env={**os.environ, **tools})
    library = REPOSITORY / "target" / target / "release" / LIBRARY.name
    RAW.mkdir(parents=True, exist_ok=True)
    stripped = RAW / LIBRARY.name
    _objcopy("--strip-unneeded", library, stripped)
    return stripped


def _with_maturin(target: str) -> Path:
    command = [
        *(sys.executable, "-m", "maturin", "build", "--release", "--locked", "--quiet"),
        *("--target", target, "--out", os.fspath(RAW)),
    ]
    if "linux" in target:
        command += ["--zig", "--compatibility", COMPATIBILITY]
    subprocess.run(command, check=True, cwd=REPOSITORY, env={**os.environ, **_beside_this_interpreter()})
    (wheel,) = RAW.glob("*.whl")
    return wheel


def _beside_this_interpreter() -> dict[str, str]:
    """Return the path on which maturin finds zig, and an interpreter: first where this one is."""
    return {"PATH": os.pathsep.join([os.fspath(Path(sys.executable).parent), os.environ.get("PATH", "")])}


def packed(raw: Path, out: Path) -> Path:
    """Strip the extension within a wheel, and return the wheel; what was stripped lies beside it.

    Args:
        raw: A wheel whose extension has its debug information.
        out: Where both go.
    """
    for old in out.glob(f"dita-*{raw.stem.rsplit('-', 1)[1]}.*"):
        old.unlink()
    with tempfile.TemporaryDirectory() as scratch:
        _wheel("unpack", "--dest", scratch, os.fspath(raw))
        (root,) = Path(scratch).iterdir()
        extension = root / EXTENSION
        debug = debug_file(out / raw.name)
        _objcopy("--only-keep-debug", extension, debug)
        stripped = extension.with_suffix(".stripped")
        _objcopy("--strip-unneeded", f"--add-gnu-debuglink={debug}", extension, stripped)
        mode = extension.stat().st_mode
        stripped.replace(extension)
        extension.chmod(mode)
        _wheel("pack", "--dest-dir", os.fspath(out), os.fspath(root))
    return out / raw.name


def debug_file(wheel: Path) -> Path:
    """Return the file that has a wheel's debug information: a debugger finds it beside the extension."""
    return wheel.with_suffix(".debug")


def _wheel(*words: str) -> None:
    subprocess.run([sys.executable, "-m", "wheel", *words], check=True, stdout=subprocess.DEVNULL)


def _objcopy(*words: str | Path) -> None:
    """Run Rust's own objcopy: it knows every target that Rust does."""
    sysroot = Path(_said("rustc", "--print", "sysroot"))
    tool = sysroot / "lib" / "rustlib" / _host() / "bin" / "rust-objcopy"
    own = os.pathsep.join(filter(None, [os.fspath(sysroot / "lib"), os.environ.get("LD_LIBRARY_PATH")]))
    command = [os.fspath(tool), *(str(word) for word in words)]
    subprocess.run(command, check=True, env={**os.environ, "LD_LIBRARY_PATH": own})


def _host() -> str:
    lines = _said("rustc", "-vV").splitlines()
    return next(line.removeprefix("host: ") for line in lines if line.startswith("host: "))


def _said(*command: str) -> str:
    return subprocess.run(command, check=True, capture_output=True, text=True, cwd=REPOSITORY).stdout.strip()


if __name__ == "__main__":
    sys.exit(main())
