"""What can go wrong in the store.

StoreError
├── StoreDown          try again: refused, silent, too slow, full, 5xx
├── StoreRefused       wrong key, missing bucket, no permission: an operator must act
├── NameRefused        not a name this store gives to anything
├── ObjectMissing
├── ObjectDamaged      the bytes are not what the name says
├── LinkInvalid
└── LinkExpired
"""

from __future__ import annotations


class StoreError(Exception):
    """Something the store could not do. `permanent` decides: try again, or never."""

    permanent = True
    code = "store_failed"
    status = 503  # what a client is told; the operator's part it cannot mend


class StoreDown(StoreError):
    """The store does not answer, or answers that it cannot now."""

    permanent = False
    code = "store_down"


class StoreRefused(StoreError):
    """The store answers and does not let us in."""

    code = "store_refused"


class NameRefused(StoreError):
    """Not a name made by `audio_name`."""

    code = "store_name_refused"
    status = 404


class ObjectMissing(StoreError):
    """Nothing is stored under this name."""

    code = "object_missing"
    status = 410


class ObjectDamaged(StoreError):
    """What is stored does not hash to its name."""

    code = "object_damaged"
    status = 410


class LinkInvalid(StoreError):
    """A link that was not signed here, or was altered since."""

    code = "link_invalid"
    status = 403


class LinkExpired(StoreError):
    """A true link whose time is over."""

    code = "link_expired"
    status = 410
