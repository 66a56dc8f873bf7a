"""Reading JSON bodies without surprises."""

from __future__ import annotations

from typing import IO, TYPE_CHECKING, Any

from rest_framework.exceptions import ParseError
from rest_framework.negotiation import BaseContentNegotiation
from rest_framework.parsers import JSONParser
from rest_framework.utils.mediatypes import media_type_matches

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from rest_framework.parsers import BaseParser
    from rest_framework.renderers import BaseRenderer
    from rest_framework.request import Request


DEEPEST = 32
TOO_DEEP = f"The JSON is nested more than {DEEPEST} deep."


class JSONBodyParser(JSONParser):
    """JSON as the standard has it: no NaN, no nesting without end, UTF-8."""

    def parse(
        self,
        stream: IO[Any],
        media_type: str | None = None,
        parser_context: Mapping[str, Any] | None = None,
    ) -> dict[str, Any]:
        try:
            found = super().parse(stream, media_type, parser_context)
        except RecursionError:
            raise ParseError(TOO_DEEP) from None
        if _is_deeper(found, DEEPEST):
            raise ParseError(TOO_DEEP)
        return found


def _is_deeper(found: Any, levels: int) -> bool:
    if not isinstance(found, dict | list):
        return False
    inner = found.values() if isinstance(found, dict) else found
    return levels == 0 or any(_is_deeper(one, levels - 1) for one in inner)


class AlwaysJSON(BaseContentNegotiation):
    """JSON whatever Accept says: audio views answer audio, and errors are problem+json."""

    def select_parser(self, request: Request, parsers: Iterable[BaseParser]) -> BaseParser | None:
        return next(
            (p for p in parsers if media_type_matches(p.media_type, request.content_type)), None
        )

    def select_renderer(
        self, request: Request, renderers: Iterable[BaseRenderer], format_suffix: str | None = None
    ) -> tuple[BaseRenderer, str]:
        first = next(iter(renderers))
        return first, first.media_type
