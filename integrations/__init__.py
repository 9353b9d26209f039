"""The remotes: clients for other people's APIs. Runs without Django; knows nothing of our database."""
