"""The look of the admin: django-unfold's settings. Everything that depends on who looks is a dotted name."""

from __future__ import annotations

from typing import Any

UNFOLD: dict[str, Any] = {
    "SITE_TITLE": "leadmirror",
    "SITE_HEADER": "leadmirror",
    "SITE_SUBHEADER": "Your leads, and how fresh they are",
    "SITE_SYMBOL": "radar",
    "SITE_FAVICONS": [
        {"rel": "icon", "type": "image/svg+xml", "href": "leads.admin.navigation.icon"},
    ],
    "SITE_URL": "/admin/",
    "SHOW_HISTORY": False,
    "SHOW_VIEW_ON_SITE": False,
    "SHOW_BACK_BUTTON": False,
    "ENVIRONMENT": "leads.admin.navigation.environment",
    "GLOBAL_CALLBACK": "leads.admin.navigation.every_page",
    "DASHBOARD_CALLBACK": "leads.admin.dashboard.fill_dashboard",
    "STYLES": ["leads.admin.navigation.stylesheet"],
    "SCRIPTS": ["leads.admin.navigation.script"],
    "BORDER_RADIUS": "8px",
    "COLORS": {
        "base": {
            "50": "oklch(98.4% .003 247.9)",
            "100": "oklch(96.6% .006 247.9)",
            "200": "oklch(92.6% .011 252.1)",
            "300": "oklch(86.9% .018 252.9)",
            "400": "oklch(70.4% .035 256.8)",
            "500": "oklch(55.4% .04 257.4)",
            "600": "oklch(44.6% .038 257.3)",
            "700": "oklch(37.2% .038 257.3)",
            "800": "oklch(27.9% .036 260)",
            "900": "oklch(20.8% .034 265.8)",
            "950": "oklch(14.5% .03 266)",
        },
        "primary": {
            "50": "oklch(98% .018 184)",
            "100": "oklch(95% .05 182)",
            "200": "oklch(90.5% .085 181)",
            "300": "oklch(84% .115 182)",
            "400": "oklch(76% .125 183)",
            "500": "oklch(66% .115 185)",
            "600": "oklch(55% .098 187)",
            "700": "oklch(48% .083 188)",
            "800": "oklch(41% .068 190)",
            "900": "oklch(35.5% .055 192)",
            "950": "oklch(26% .045 194)",
        },
    },
    "COMMAND": {
        "search_models": False,
        "show_history": False,
        "search_callback": "leads.admin.navigation.find",
    },
    "SIDEBAR": {
        "show_search": True,
        "command_search": True,
        "show_all_applications": False,
        "navigation": "leads.admin.navigation.sidebar",
    },
}
