"""Lead.pro, the CRM whose leads are mirrored. Guide: lead.pro/api-guide (Lead API)."""
