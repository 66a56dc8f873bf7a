"""The store on any S3 (MinIO and its kin), over the `minio` client."""

from __future__ import annotations

import re
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import timedelta
from http import HTTPStatus
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from minio import Minio
from minio.error import InvalidResponseError, MinioException, S3Error, ServerError
from urllib3 import PoolManager, Retry, Timeout
from urllib3.exceptions import HTTPError

from voices.store.contract import StoredObject, check_range
from voices.store.errors import ObjectMissing, StoreDown, StoreError, StoreRefused
from voices.store.file_names import content_disposition
from voices.store.links import check_seconds
from voices.store.names import check_name, check_prefix, is_name, media_type_of
from voices.store.source import opened

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator
    from datetime import datetime
    from pathlib import Path

    from minio.datatypes import Object

_PIECE = 256 * 1024
_PASSING = {
    "",  # no S3 error at all: something in between answered for the store
    "BadDigest",
    "IncompleteBody",
    "NoSuchUpload",
    "OperationAborted",
    "RequestTimeout",
    "SlowDown",
    "TooManyRequests",
    "XAmzContentSHA256Mismatch",
}
_PART = 8 * 1024 * 1024  # a larger object goes up in parts of this size, one in memory at a time


@dataclass(frozen=True, slots=True)
class Patience:
    """Seconds one try may take to connect, and to wait for an answer; each request has two tries.

    `connect` bounds the sending of one part (8 MiB) too: urllib3 starts `read` only after that.
    """

    connect: float = 5.0
    read: float = 15.0


class MinioStore:
    """An AudioStore in one bucket. Endpoints are URLs without a path: the scheme decides on TLS.

    `region` is required because a client without it asks the server, even to sign a link.
    `public_endpoint` is where browsers reach the store, when that is another address.
    """

    def __init__(
        self,
        endpoint: str,
        access_key: str,
        secret_key: str,
        bucket: str,
        *,
        region: str,
        public_endpoint: str | None = None,
        patience: Patience | None = None,
    ) -> None:
        pool = _pool(patience or Patience())
        self._bucket = bucket
        self._client = _client(endpoint, access_key, secret_key, region, pool)
        self._public = _client(public_endpoint or endpoint, access_key, secret_key, region, pool)

    def put(self, name: str, data: bytes | Path, *, media_type: str) -> None:
        check_name(name)
        with opened(data) as (source, size), _s3_errors(name):
            self._client.put_object(
                self._bucket,
                name,
                source,
                size,
                content_type=media_type,
                part_size=_PART,
                num_parallel_uploads=1,
            )

    def read(self, name: str) -> bytes:
        return b"".join(self._pieces(check_name(name)))

    def open_range(self, name: str, start: int, length: int) -> Generator[bytes, None, None]:
        check_range(start, length)
        pieces = self._pieces(check_name(name), start, length)
        next(pieces)  # sends the request now, so that a missing object is told now
        return pieces

    def stat(self, name: str) -> StoredObject:
        with _s3_errors(name):
            found = self._client.stat_object(self._bucket, check_name(name))
            return _describe(name, found)

    def exists(self, name: str) -> bool:
        try:
            self.stat(name)
        except ObjectMissing:
            return False
        return True

    def delete(self, name: str) -> None:
        with _s3_errors(name):
            self._client.remove_object(self._bucket, check_name(name))

    def names(
        self, prefix: str = "", *, older_than: datetime | None = None
    ) -> Iterator[StoredObject]:
        check_prefix(prefix)
        with _s3_errors("the listing"):
            for found in self._client.list_objects(self._bucket, prefix, recursive=True):
                name = found.object_name or ""
                if not is_name(name):
                    continue
                described = _describe(name, found)
                if older_than is None or described.modified < older_than:
                    yield described

    def remove_leftovers(self, *, older_than: datetime) -> int:
        """Nothing to do: an S3 server keeps unfinished uploads to itself and drops them itself."""
        return 0

    def link(self, name: str, *, seconds: int, file_name: str, media_type: str) -> str:
        return self._public.presigned_get_object(
            self._bucket,
            check_name(name),
            expires=timedelta(seconds=check_seconds(seconds)),
            response_headers={
                "response-content-disposition": content_disposition(file_name),
                "response-content-type": media_type,
            },
        )

    def check(self) -> None:
        with _s3_errors("the readiness check"):
            if not self._client.bucket_exists(self._bucket):
                raise StoreRefused(f"the store has no bucket {self._bucket!r}: create it")

    def _pieces(self, name: str, start: int = 0, length: int = 0) -> Generator[bytes, None, None]:
        """An empty piece once the store has answered, then the bytes; a length of 0 is no range."""
        with _s3_errors(name):
            try:
                response = self._client.get_object(self._bucket, name, start, length)
            except MinioException as error:
                if _status_and_code(error)[0] != HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE:
                    raise
                yield b""
                return
            with closing(response):
                yield b""
                yield from response.stream(_PIECE, decode_content=False)


def _pool(patience: Patience) -> PoolManager:
    return PoolManager(
        maxsize=32,
        timeout=Timeout(connect=patience.connect, read=patience.read),
        retries=Retry(
            total=1,
            backoff_factor=0.2,
            status_forcelist=(500, 502, 503, 504),
            raise_on_status=False,
        ),
        cert_reqs="CERT_REQUIRED",
    )


def _client(
    endpoint: str, access_key: str, secret_key: str, region: str, pool: PoolManager
) -> Minio:
    url = urlsplit(endpoint)
    if url.scheme not in ("http", "https") or not url.netloc or url.path.strip("/"):
        raise ValueError(f"an S3 endpoint is http(s)://host[:port], not {endpoint!r}")
    return Minio(
        url.netloc,
        access_key,
        secret_key,
        secure=url.scheme == "https",
        region=region,
        http_client=pool,
    )


@contextmanager
def _s3_errors(what: str) -> Iterator[None]:
    try:
        yield
    except MinioException as error:
        raise _translated(error, what) from error
    except (HTTPError, OSError) as error:
        raise StoreDown(f"the store does not answer for {what}: {error}") from error


def _translated(error: MinioException, what: str) -> StoreError:
    status, code = _status_and_code(error)
    if code == "NoSuchKey":
        return ObjectMissing(f"{what} is not in the store")
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR or code in _PASSING:
        return StoreDown(f"the store cannot serve {what} now: {status} {code}")
    return StoreRefused(f"the store refuses {what}: {status} {code}; check key, clock and bucket")


def _status_and_code(error: MinioException) -> tuple[int, str]:
    if isinstance(error, S3Error):
        return error.response.status, error.code or ""
    if isinstance(error, InvalidResponseError):
        return _status_and_code_of_text_xml(error)
    if isinstance(error, ServerError):
        return error.status_code, ""
    return 0, type(error).__name__


def _status_and_code_of_text_xml(error: InvalidResponseError) -> tuple[int, str]:
    """Servers that answer errors as text/xml make minio give up on reading them."""
    body = error._body or ""  # noqa: SLF001 - minio keeps what the server said private
    code = re.search(r"<Code>(\w+)</Code>", body)
    return error._code, code[1] if code else ""  # noqa: SLF001 - as above


def _describe(name: str, found: Object) -> StoredObject:
    if found.size is None or found.last_modified is None:
        raise StoreDown(f"the store described {name} without its size or its date")
    return StoredObject(name, found.size, media_type_of(name), found.last_modified)
