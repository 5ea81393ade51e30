"""Where every address of the service leads."""

from django.contrib import admin
from django.urls import include, path

from accounts.views import admin_sign_in

urlpatterns = [
    path("admin/login/", admin_sign_in),  # before the admin's own
    path("admin/", admin.site.urls),
    path("accounts/", include("accounts.urls")),
    path("", include("media_api.urls")),
    path("", include("jobs.urls")),
]
handler400 = "media_api.errors.bad_request"
handler403 = "media_api.errors.permission_denied"
handler404 = "media_api.errors.page_not_found"
handler500 = "media_api.errors.server_error"
