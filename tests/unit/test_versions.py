"""ETags and If-Match."""

from __future__ import annotations

import pytest
from django.test import RequestFactory
from rest_framework.request import Request

from tenants.versions import VersionChangedError, VersionMissingError, etag, expected_version


def asked(if_match: str | None) -> Request:
    headers = {} if if_match is None else {"If-Match": if_match}
    return Request(RequestFactory().get("/", headers=headers))


@pytest.mark.parametrize("version", [1, 7, 999_999_999])
def test_what_was_read_is_what_is_expected(version: int) -> None:
    assert expected_version(asked(etag(version))) == version
    assert expected_version(asked(f"W/{etag(version)}")) == version


def test_a_star_is_whatever_there_is() -> None:
    assert expected_version(asked("*")) is None


@pytest.mark.parametrize("header", [None, "", "  "])
def test_nothing_said_is_refused_with_what_to_do(header: str | None) -> None:
    with pytest.raises(VersionMissingError, match="ETag") as refused:
        expected_version(asked(header))
    assert (refused.value.status, refused.value.code) == (428, "if_match_missing")


@pytest.mark.parametrize(
    "header", ["1", '"one"', '"-1"', '"1", "2"', '"٣"', '"1' + "0" * 9 + '"', "'1'"]
)
def test_what_no_answer_ever_said_has_changed(header: str) -> None:
    with pytest.raises(VersionChangedError, match="read it again") as refused:
        expected_version(asked(header))
    assert (refused.value.status, refused.value.code) == (412, "version_changed")
