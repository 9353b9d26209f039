"""Every URL of the project."""

from django.contrib import admin
from django.urls import include, path
from django.views.generic import RedirectView

from leadmirror import health
from leads.webhooks import receive

urlpatterns = [
    path("", RedirectView.as_view(url="/admin/", permanent=False)),
    path("admin/", admin.site.urls),
    path("api/v1/", include("leads.api.urls")),
    path("webhooks/<str:secret>/", receive, name="webhook"),
    # A sender follows no redirect: the address typed without its last slash must not lose every delivery.
    path("webhooks/<str:secret>", receive, name="webhook-bare"),
    path("livez", health.livez),
    path("readyz", health.readyz),
    path("workz", health.workz),
]
handler400 = "leadmirror.pages.bad_request"
handler403 = "leadmirror.pages.denied"
handler404 = "leadmirror.pages.missing"
handler500 = "leadmirror.pages.broken"
