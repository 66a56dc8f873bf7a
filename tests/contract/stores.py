"""Both stores, ready to be tried: how to open one, look behind it, and follow its links."""

from __future__ import annotations

import hashlib
import os
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import httpx

from tests.s3 import ACCESS_KEY, BUCKET, REGION, SECRET_KEY, S3Server, serve_s3
from voices.store import LinkExpired, LinkInvalid, audio_name, content_disposition
from voices.store.folder import FolderStore
from voices.store.s3 import MinioStore, Patience

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from voices.store import AudioStore

WAV = "audio/wav"
QUICK = Patience(connect=0.3, read=0.3)


@dataclass(frozen=True)
class Followed:
    """What a client gets that follows a link."""

    status: int
    body: bytes = b""
    disposition: str = ""
    media_type: str = ""


@dataclass(frozen=True)
class Live:
    """A store that runs: `open` can be sent to another process, `add` takes any name at all."""

    open: Callable[[], AudioStore]
    path_of: Callable[[str], Path]
    add: Callable[[str, bytes], None]
    follow: Callable[[str], Followed]


def open_folder(root: Path) -> FolderStore:
    return FolderStore(root, secret="signing secret", base_url="http://api.test/files/")


def open_s3(
    endpoint: str, secret_key: str = SECRET_KEY, access_key: str = ACCESS_KEY
) -> MinioStore:
    return MinioStore(endpoint, access_key, secret_key, BUCKET, region=REGION)


def open_impatient_s3(endpoint: str) -> MinioStore:
    return MinioStore(endpoint, ACCESS_KEY, SECRET_KEY, BUCKET, region=REGION, patience=QUICK)


@contextmanager
def live_store(kind: str, folder: Path) -> Iterator[Live]:
    if kind == "folder":
        yield _live_folder(folder / "audio")
    else:
        with serve_s3(folder) as server:
            yield live_s3(server)


def live_s3(server: S3Server) -> Live:
    opened = partial(open_s3, server.endpoint)
    return Live(opened, server.path_of, server.add, follow_over_http)


def _live_folder(root: Path) -> Live:
    def add(name: str, data: bytes) -> None:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(data)

    follow = _follower(open_folder(root))
    return Live(partial(open_folder, root), root.joinpath, add, follow)


def follow_over_http(link: str) -> Followed:
    answer = httpx.get(link)
    headers = answer.headers
    return Followed(
        answer.status_code,
        answer.content,
        headers.get("content-disposition", ""),
        headers.get("content-type", ""),
    )


def fresh(size: int = 1000) -> tuple[str, bytes]:
    """New bytes and their name."""
    data = os.urandom(size)
    return named(data), data


def named(data: bytes, tenant: str = "shared") -> str:
    return audio_name(tenant, hashlib.sha256(data).hexdigest(), "wav")


def _follower(store: FolderStore) -> Callable[[str], Followed]:
    """What the API's file route does with a link."""

    def follow(link: str) -> Followed:
        url = urlsplit(link)
        try:
            opened = store.verify_link(url.path.removeprefix("/files/"), url.query)
        except LinkExpired:
            return Followed(400)
        except LinkInvalid:
            return Followed(403)
        disposition = content_disposition(opened.file_name)
        return Followed(200, store.read(opened.name), disposition, opened.media_type)

    return follow
