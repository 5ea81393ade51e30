"""The addresses of the dashboard."""

from django.urls import path

from jobs.views import home, job

app_name = "jobs"
urlpatterns = [
    path("", home.home, name="home"),
    path("jobs", home.submit, name="submit"),
    path("jobs/rows", home.rows, name="rows"),
    path("jobs/<slug:public_id>", job.detail, name="job"),
    path("jobs/<slug:public_id>/live", job.live, name="live"),
    path("jobs/<slug:public_id>/<slug:verb>", job.act, name="act"),
]
