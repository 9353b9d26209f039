"""The mirror: its models, its journeys and their faces."""
