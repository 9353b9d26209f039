"""Lead.pro, imitated from its own guide (lead.pro/api-guide) and webhook page.
Shares no code with the client.
"""

from .remote import LeadPro

__all__ = ["LeadPro"]
