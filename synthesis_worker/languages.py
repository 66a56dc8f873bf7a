"""BCP 47 language tags: one spelling, and the falling back from a region to its language."""

from collections.abc import Iterator

_SCRIPT_LENGTH, _REGION_LENGTH = 4, 2


def canonical_tag(tag: str) -> str:
    """As BCP 47 recommends to spell it: `EN_us` is `en-US`, `zh-hans-cn` is `zh-Hans-CN`."""
    first, *rest = tag.replace("_", "-").split("-")
    spelled, private = [first.lower()], False
    for part in rest:
        private = private or len(part) == 1
        spelled.append(part.lower() if private else _spell(part))
    return "-".join(spelled)


def widening_tags(tag: str) -> Iterator[str]:
    """The tag, then each wider one: `zh-Hans-CN`, `zh-Hans`, `zh`."""
    tag = canonical_tag(tag)
    while tag:
        yield tag
        tag = tag.rpartition("-")[0]


def primary_language(tag: str) -> str:
    return canonical_tag(tag).partition("-")[0]


def _spell(part: str) -> str:
    if len(part) == _SCRIPT_LENGTH:
        return part.title()
    return part.upper() if len(part) == _REGION_LENGTH else part.lower()
