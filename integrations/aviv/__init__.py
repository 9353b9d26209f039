"""AVIV Seeker Leads France: enquiries from SeLoger, Logic-Immo and the group's other portals (API version 1.4.0)."""
