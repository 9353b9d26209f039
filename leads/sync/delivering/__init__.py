"""How a push gets to Lead.pro once in effect: a pure step generator over a store port (``ports``), and its driver.

``engine`` chooses what to work on, ``creating`` and ``updating`` know the two journeys, ``driver`` lends them Django,
the clock and the client. What stays impossible is in docs/reliability.md.
"""
