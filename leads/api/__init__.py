"""The REST face at ``/api/v1/``. It shapes, checks and asks; the journeys are in `leads.sync`."""
