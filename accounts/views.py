"""Signing in and out."""

from django.contrib.auth import views

from accounts.forms import SignInForm


class SignIn(views.LoginView):
    template_name = "accounts/login.html"
    authentication_form = SignInForm
    redirect_authenticated_user = True
