"""AlterEstate's one call, imitated from its page "Submit a Lead to AlterEstate". Shares no code with the client."""

from .remote import AlterEstate

__all__ = ["AlterEstate"]
