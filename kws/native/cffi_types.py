"""What cffi hands out. It has no types of its own: the C compiler checks what lies behind a pointer."""

from typing import Any, TypeAlias

Pointer: TypeAlias = Any  # to numbers
Struct: TypeAlias = Any  # one of C's, or a pointer to it
