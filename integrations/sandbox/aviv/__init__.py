"""AVIV Seeker Leads France, imitated from the pages of its developer portal (1.4.0). Shares no code with the client."""

from .remote import Aviv

__all__ = ["Aviv"]
