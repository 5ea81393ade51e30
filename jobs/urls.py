"""The addresses of the dashboard."""

from django.urls import path
from django.views.i18n import set_language

from jobs.views import batch, defaults, home, jars, job, library, lists, looks, pwa, queue, share, thumbnails, webhooks

app_name = "jobs"
urlpatterns = [
    path("", home.home, name="home"),
    path("jobs", home.submit, name="submit"),
    path("look", looks.look, name="look"),
    path("look/<slug:public_id>", looks.reading, name="reading"),
    path("jobs/rows", queue.rows, name="rows"),
    path("jobs/selected", queue.selected, name="selected"),
    path("jobs/<slug:public_id>/priority/<slug:step>", queue.reprioritise, name="priority"),
    path("jobs/<slug:public_id>", job.detail, name="job"),
    path("jobs/<slug:public_id>/live", job.live, name="live"),
    path("jobs/<slug:public_id>/<slug:verb>", job.act, name="act"),
    path("batches/<slug:public_id>", batch.detail, name="batch"),
    path("batches/<slug:public_id>/live", batch.live, name="batch-live"),
    path("batches/<slug:public_id>/<slug:verb>", batch.act, name="batch-act"),
    path("lists", lists.picker, name="picker"),
    path("lists/entries", lists.entries, name="entries"),
    path("lists/download", lists.download, name="pick"),
    path("thumbnails/<str:token>", thumbnails.show, name="thumbnail"),
    path("library", library.shelf, name="library"),
    path("library/shared", share.links, name="shares"),
    path("library/shared/<slug:public_id>/revoke", share.revoke, name="revoke-share"),
    path("library/<slug:public_id>", library.item, name="item"),
    path("library/<slug:public_id>/share", share.create, name="share"),
    path("library/<slug:public_id>/undo", library.undo, name="undo"),
    path("library/<slug:public_id>/<slug:verb>", library.act, name="keep"),
    path("s/<str:token>", share.shared, name="shared"),
    path("accounts/defaults", defaults.defaults, name="defaults"),
    path("accounts/cookies", jars.index, name="jars"),
    path("accounts/cookies/store", jars.store, name="store-jar"),
    path("accounts/cookies/<slug:public_id>/test", jars.test, name="test-jar"),
    path("accounts/cookies/<slug:public_id>/delete", jars.delete, name="delete-jar"),
    path("accounts/webhooks", webhooks.index, name="webhooks"),
    path("accounts/webhooks/create", webhooks.create, name="create-webhook"),
    path("accounts/webhooks/deliveries/<slug:public_id>", webhooks.delivery, name="delivery"),
    path("accounts/webhooks/deliveries/<slug:public_id>/redeliver", webhooks.redeliver, name="redeliver"),
    path("accounts/webhooks/<slug:public_id>", webhooks.detail, name="webhook"),
    path("accounts/webhooks/<slug:public_id>/<slug:verb>", webhooks.act, name="act-on-webhook"),
    path("language", set_language, name="language"),
    path("manifest.webmanifest", pwa.manifest, name="manifest"),
    path("sw.js", pwa.service_worker, name="service-worker"),
    path("offline", pwa.offline, name="offline"),
    path("share", pwa.share_target, name="share-target"),
    path("finished", pwa.finished, name="finished"),
]
