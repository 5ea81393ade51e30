"""Where every address of the service leads."""

from django.conf import settings
from django.contrib import admin
from django.urls import include, path, reverse_lazy
from django.views.generic import RedirectView

from accounts.views import admin_sign_in
from manual.contents import START
from manual.views import page

urlpatterns = [
    path(f"{settings.ADMIN_PATH}login/", admin_sign_in),  # before the admin's own, which counts no attempts
    # Nor does its page for a new password.
    path(f"{settings.ADMIN_PATH}password_change/", RedirectView.as_view(url=reverse_lazy("accounts:password"))),
    path(settings.ADMIN_PATH, admin.site.urls),
    path("accounts/", include("accounts.urls")),
    path("help/", include("manual.urls")),
    path("help", page, kwargs={"slug": START}),
    path("", include("media_api.urls")),
    path("", include("jobs.urls")),
]
handler400 = "media_api.errors.bad_request"
handler403 = "media_api.errors.permission_denied"
handler404 = "media_api.errors.page_not_found"
handler500 = "media_api.errors.server_error"
