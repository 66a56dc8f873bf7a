"""Lists by cursor, newest first."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from uuid import UUID

from rest_framework.exceptions import NotFound
from rest_framework.pagination import CursorPagination

if TYPE_CHECKING:
    from rest_framework.request import Request

LARGEST = 2**63 - 1


class NewestFirst(CursorPagination):
    page_size = 50
    max_page_size = 500
    page_size_query_param = "limit"
    ordering = "-id"

    def decode_cursor(self, request: Request) -> Any:
        """A cursor somebody made up is no page, and no question to the database."""
        cursor = super().decode_cursor(request)
        if cursor and cursor.position is not None and not self.is_id(str(cursor.position)):
            raise NotFound(self.invalid_cursor_message)
        return cursor

    def is_id(self, text: str) -> bool:
        try:
            UUID(text)
        except ValueError:
            return False
        return True


class NewestCountedFirst(NewestFirst):
    """Of rows whose ids the database has counted."""

    def is_id(self, text: str) -> bool:
        return text.isascii() and text.isdigit() and int(text) <= LARGEST
