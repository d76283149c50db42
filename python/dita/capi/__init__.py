"""The C ABI: where its library and its header are, and the header's declarations for cffi.

The library has everything inside and does not use Python: a program in another language opens the file that
`library()` names, and includes the header that `header()` names:
docs/how-to/write-a-client-in-another-language.md.
"""

import sys
from pathlib import Path
from typing import Final

from dita.errors import NotYetSupported

__all__ = ["declarations", "header", "library"]

_HERE: Final = Path(__file__).parent
_NAME: Final = "libdita_v2_kernel.dylib" if sys.platform == "darwin" else "libdita_v2_kernel.so"


def header() -> Path:
    """Return the C header's path."""
    return _HERE / "dita.h"


def library() -> Path:
    """Return the shared library's path.

    Raises:
        NotYetSupported: This installation has none.
    """
    path = _HERE / _NAME
    if not path.is_file():
        raise NotYetSupported(
            f"{path.name} is not in this installation: run `make setup`, or install the wheel"
        )
    return path


def declarations() -> str:
    """Return the header's declarations as `cffi.FFI().cdef` takes them: without what the preprocessor reads.

    Example:
        `ffi = cffi.FFI(); ffi.cdef(dita.capi.declarations()); lib = ffi.dlopen(str(dita.capi.library()))`
    """
    kept = []
    outside = True
    for line in header().read_text().splitlines():
        if line.startswith("#ifdef __cplusplus"):
            outside = False
        elif line.startswith("#endif"):
            outside = True
        elif outside and (
            not line.startswith("#") or (line.startswith("#define") and len(line.split()) == 3)
        ):
            kept.append(line)
    return "\n".join(kept) + "\n"
