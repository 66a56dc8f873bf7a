"""Voices of a tenant's own: described, allowed by consent, cloned, tuned, published, erased."""
