"""The operator's page: what runs, waits and fails now, and the levers to hold it up."""
