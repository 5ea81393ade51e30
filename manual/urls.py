"""The addresses of the manual. Each works with and without a slash at its end."""

from django.urls import path, re_path

from manual.views import page

app_name = "manual"
urlpatterns = [
    path("", page, name="start"),
    re_path(r"^(?P<slug>[\w-]+(?:/[\w-]+)*)/?$", page, name="page"),
]
