"""The admin's pages for tenants, their tiers and keys, and the people who may sign in."""

from tenants.admin import people, tenants

__all__ = ["people", "tenants"]
