"""Lists of any length."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any


def pages(method: Callable[[Any], Any], request: Any) -> Iterator[Any]:
    """Every item of a list, page after page, as they are asked for. `request.page_size` is the size of a page."""
    asked = type(request)()
    asked.CopyFrom(request)
    while True:
        page = method(asked)
        items = next(field for field in page.DESCRIPTOR.fields if field.is_repeated and field.message_type)
        yield from getattr(page, items.name)
        if not page.next_page_token:
            return
        asked.page_token = page.next_page_token
