"""The journeys, one file each. No Celery, no DRF, no request in here; what should happen next is returned."""
