"""Unsubscribing, and the development mailbox (404 outside development)."""

from django.urls import path

from outbox import views

urlpatterns = [
    path("unsubscribe/<str:token>", views.unsubscribe, name="unsubscribe"),
    path("mailbox", views.messages, name="mailbox"),
    path("mailbox.json", views.messages_json, name="mailbox_json"),
    path("mailbox/<str:message_id>", views.message, name="mailbox_message"),
    path("mailbox/<str:message_id>/html", views.message_html, name="mailbox_html"),
    path("mailbox/<str:message_id>/raw", views.message_raw, name="mailbox_raw"),
]
