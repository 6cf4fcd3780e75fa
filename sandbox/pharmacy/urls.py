from django.urls import path

from sandbox import health
from sandbox.pharmacy import views

urlpatterns = [
    path("health/ready", health.ready, name="health-ready"),
    path("script", views.script, name="script"),
    path("mode", views.mode, name="mode"),
    path("mode.json", views.mode_json, name="mode-json"),
    path("inbox.json", views.inbox_json, name="inbox-json"),
    path("inbox/<path:message_id>/say", views.say, name="say"),
    path("inbox/<path:message_id>/", views.detail, name="message"),
    path("", views.messages_received, name="inbox"),
]
