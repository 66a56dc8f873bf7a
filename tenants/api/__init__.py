"""What a tenant's programs may ask about the tenant itself."""
