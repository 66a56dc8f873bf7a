"""One-shot before a fleet starts: tables, queues, stock voices, bucket. Makes no key, no password.

`python -m deploy.prepare` may run again, at each deploy, beside processes that are up.
"""

import os
from urllib.parse import urlsplit

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")


def prepare() -> None:
    from django.conf import settings
    from django.core.management import call_command

    from jobs.services.restored import mend_after_restore
    from jobs.services.workers import ensure_queues
    from voices.stock import load_stock_voices

    call_command("migrate", interactive=False)
    mend_after_restore()
    ensure_queues(list(settings.QUEUES))
    load_stock_voices()
    if settings.S3_ENDPOINT:
        ensure_bucket()


def ensure_bucket() -> None:
    """Make the bucket unless it is there; one that others make at this moment is as good."""
    from django.conf import settings
    from minio import Minio
    from minio.error import S3Error

    address = urlsplit(settings.S3_ENDPOINT)
    store = Minio(
        address.netloc,
        settings.S3_ACCESS_KEY,
        settings.S3_SECRET_KEY,
        secure=address.scheme == "https",
        region=settings.S3_REGION,
    )
    if store.bucket_exists(settings.S3_BUCKET):
        return
    try:
        store.make_bucket(settings.S3_BUCKET)
    except S3Error as error:
        if error.code not in {"BucketAlreadyOwnedByYou", "BucketAlreadyExists"}:
            raise


if __name__ == "__main__":
    django.setup()
    prepare()
