"""One enquiry by one person, under Lead.pro's own field names."""

from __future__ import annotations

from typing import Any

from django.db import models
from django.db.models import Exists, OuterRef, Q

from leads.models.access import Scope


class Origin(models.TextChoices):
    """Where the lead first came from."""

    LEADPRO = "leadpro", "Lead.pro"
    AVIV = "aviv", "AVIV"
    API = "api", "API"
    ADMIN = "admin", "admin"
    IMPORT = "import", "import"


class SyncState(models.TextChoices):
    """What the lead's badge says, most urgent first."""

    NEEDS_ATTENTION = "needs_attention", "needs attention"
    PENDING = "pending", "on its way"
    GONE = "gone", "gone from Lead.pro"
    LOCAL = "local", "only here"
    IN_SYNC = "in_sync", "in sync"


class LeadQuerySet(models.QuerySet["Lead"]):
    """Leads by who may see them."""

    def visible_to(self, scope: Scope) -> LeadQuerySet:
        """The one place that decides what a user or key sees: admin, API, export and dashboard all ask here."""
        if scope.everything:
            return self
        mine = Q(office_id__in=scope.office_ids)
        if scope.officeless_connections:
            there = Lead.objects.filter(
                pk=OuterRef("pk"), copies__connection__in=scope.officeless_connections
            )
            mine |= Q(Exists(there), office_id__isnull=True)
        return self.filter(mine)


def _text() -> models.TextField[str | None, str | None]:
    return models.TextField(null=True, blank=True)


def _integer() -> models.BigIntegerField[int | None, int | None]:
    return models.BigIntegerField(null=True, blank=True)


def _boolean() -> models.BooleanField[bool | None, bool | None]:
    return models.BooleanField(null=True, blank=True)


def _json() -> models.JSONField[Any, Any]:
    return models.JSONField(null=True, blank=True)


class Lead(models.Model):
    """A row of the mirror. All of Lead.pro's fields are nullable and wide: limits are checked when sending only."""

    leadpro_id = models.BigIntegerField(null=True, blank=True, db_index=True, editable=False)
    origin = models.CharField(max_length=10, choices=Origin.choices, default=Origin.LEADPRO, editable=False)
    listed_at = models.DateTimeField(editable=False, help_text="Orders lists; never changes.")
    first_seen_at = models.DateTimeField(editable=False)
    version = models.BigIntegerField(default=1, editable=False)
    changed_at = models.DateTimeField(db_index=True, editable=False)
    sync_state = models.CharField(
        max_length=15, choices=SyncState.choices, default=SyncState.IN_SYNC, editable=False
    )
    problem = models.TextField(blank=True, default="", editable=False)
    pending = models.JSONField(default=dict, editable=False, help_text="Field to what Lead.pro still shows.")
    warnings = models.JSONField(default=list, editable=False)
    email_key = models.CharField(max_length=320, default="", editable=False)
    phone_key = models.CharField(max_length=40, default="", editable=False)
    next_action_date = models.DateTimeField(null=True, blank=True)

    type = _text()
    title = _text()
    first_name = _text()
    last_name = _text()
    full_name = _text()
    email = _text()
    phone = _text()
    address = _text()
    postcode = _text()
    gdpr_checkbox = _boolean()
    international = _boolean()
    message = _text()
    source = _text()
    host = _text()
    appointment_availability = _json()
    questionnaire = _json()
    meta = _json()
    created_at = models.DateTimeField(null=True, blank=True)
    is_parent = _boolean()
    parent_id = _integer()
    advert_address = _text()
    advert_postcode = _text()
    advert_url = _text()
    advert_image = _text()
    property_type = _text()
    property_bedrooms = _integer()
    property_bathrooms = _integer()
    property_receptions = _integer()
    property_reference = _text()
    raw_property_reference = _text()
    comparable_props = _json()
    minimum_sale_estimation = _integer()
    average_sale_estimation = _integer()
    maximum_sale_estimation = _integer()
    minimum_rent_estimation = _integer()
    average_rent_estimation = _integer()
    maximum_rent_estimation = _integer()
    valuation_status = _text()
    stage = _text()
    status = _text()
    office_id = _integer()
    office_name = _text()
    account_id = _integer()
    account_name = _text()
    out_of_area_distance = models.FloatField(null=True, blank=True)
    referred_by_office_id = _integer()
    referred_by_office_name = _text()
    referred_by_account_id = _integer()
    referred_by_account_name = _text()
    eta = _json()
    facebook_pixel_id = _text()
    utm_source = _text()
    utm_medium = _text()
    utm_campaign = _text()
    utm_content = _text()
    utm_term = _text()
    utm_gclid = _text()

    objects = LeadQuerySet.as_manager()

    class Meta:
        # Few, and none of PostgreSQL's extra "like" ones: every change of a lead writes all of them.
        indexes = [
            models.Index(fields=["-listed_at", "-id"], name="lead_newest_first"),
            models.Index(fields=["office_id", "-listed_at", "-id"], name="lead_of_office"),
            models.Index(fields=["status", "-listed_at"], name="lead_of_status"),
            models.Index(fields=["email_key"], name="lead_by_email"),
            models.Index(fields=["phone_key"], name="lead_by_phone"),
            models.Index(fields=["sync_state"], condition=~Q(sync_state="in_sync"), name="lead_not_in_sync"),
        ]
        ordering = ["-listed_at", "-id"]

    def __str__(self) -> str:
        name = self.full_name or " ".join(p for p in (self.first_name, self.last_name) if p) or "Unnamed"
        return f"{name} (#{self.leadpro_id})" if self.leadpro_id else name
