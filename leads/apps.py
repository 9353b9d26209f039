from django.apps import AppConfig


class LeadsConfig(AppConfig):
    """The one application of the project."""

    name = "leads"
    verbose_name = "leadmirror"
