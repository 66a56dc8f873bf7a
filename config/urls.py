"""Every address."""

from django.contrib import admin
from django.urls import include, path
from django.views.generic import RedirectView
from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerView

from tenants import problems
from voices.api.views import serve_link

urlpatterns = [
    path("admin", RedirectView.as_view(url="/admin/")),
    path("admin/operations/", include("jobs.admin.operations.page")),
    path("admin/", admin.site.urls),
    path("api/schema", SpectacularAPIView.as_view(permission_classes=[]), name="schema"),
    path("api/docs", SpectacularSwaggerView.as_view(permission_classes=[]), name="docs"),
    path("api/v1/", include("personalities.api.urls")),
    path("api/v1/", include("voices.api.urls")),
    path("api/v1/", include("jobs.api.urls")),
    path("api/v1/", include("tenants.api.urls")),
    path("files/<path:name>", serve_link),
]

handler400 = problems.bad_request
handler404 = problems.not_found
handler500 = problems.server_error
