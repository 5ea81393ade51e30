"""The addresses of what people do with their account."""

from django.contrib.auth.views import LogoutView
from django.urls import path

from accounts.account import Password, SecondFactorPage
from accounts.key_pages import api_keys, end_sessions, revoke_key, signed_in
from accounts.overview import apps, overview
from accounts.views import SecondStep, SignIn

app_name = "accounts"
urlpatterns = [
    path("", overview, name="overview"),
    path("keys", api_keys, name="keys"),
    path("keys/<int:key_id>/revoke", revoke_key, name="revoke-key"),
    path("sessions", signed_in, name="sessions"),
    path("sessions/end", end_sessions, name="end-sessions"),
    path("apps", apps, name="apps"),
    path("login", SignIn.as_view(), name="login"),
    path("login/code", SecondStep.as_view(), name="second-step"),
    path("logout", LogoutView.as_view(), name="logout"),
    path("password", Password.as_view(), name="password"),
    path("second-factor", SecondFactorPage.as_view(), name="second-factor"),
]
