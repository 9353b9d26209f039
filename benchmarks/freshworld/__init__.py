"""An invented world of leads for ``benchmarks.freshness``: how they live, and mirrors that try to keep up."""
