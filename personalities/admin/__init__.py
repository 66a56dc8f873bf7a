"""The admin's pages for personalities: their traits as fields, their prompt beside them."""

from personalities.admin import pages

__all__ = ["pages"]
