"""The admin's pages for voices, and what speech adds to the jobs' pages."""

from voices.admin import jobs, voices

__all__ = ["jobs", "voices"]
