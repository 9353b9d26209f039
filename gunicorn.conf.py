"""Web server defaults; the command line wins. Threads, because requests wait for the database and for remotes."""

import os
from typing import Any

worker_class = "gthread"
threads = 8
timeout = 60
graceful_timeout = 30
# Paths hold webhook secrets and queries hold contact details: the program writes its own, redacted, request log.
accesslog = None
# It would be written outside VAR_DIR.
control_socket_disable = True


def post_fork(server: Any, worker: Any) -> None:
    """Tell the app how many requests one process serves at once, as the command line left it."""
    os.environ["LEADMIRROR_WEB_THREADS"] = str(worker.cfg.threads)
