"""`json_safe`, as DITAv2 has it."""

import dataclasses
from collections.abc import Iterable, Mapping
from datetime import datetime
from decimal import Decimal
from enum import Enum
from typing import Any


def json_safe(value: Any) -> Any:  # noqa: ANN401 - whatever a program has
    """Return a value as JSON can hold it. Decimals and times become text, exactly.

    Args:
        value: A record of the kernel's, a dataclass, a mapping, a sequence or a plain value.
    """
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        value = {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}
    elif hasattr(value, "to_dict"):
        value = value.to_dict()
    match value:
        case Enum():
            return value.value
        case None | bool() | int() | float() | str():
            return value
        case datetime():
            return value.isoformat()
        case Mapping():
            return {str(key): json_safe(item) for key, item in value.items()}
        case Iterable():
            return [json_safe(item) for item in value]
        case _:
            return format(value, "f") if isinstance(value, Decimal) else str(value)
