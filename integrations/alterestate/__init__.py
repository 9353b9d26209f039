"""AlterEstate, a CRM that takes leads and shows none (dev.alterestate.com/leads)."""
