"""The classic durable stack: a row by the ORM, a task sent when it is committed, an ORM worker."""
