"""The routes of the public pages."""

from django.urls import path

from config import me_pages, pages
from quality.views import Question

urlpatterns = [
    path("", pages.Join.as_view(), name="join"),
    path("waitlist", pages.Join.as_view(), name="waitlist"),
    path("joined", pages.Joined.as_view(), name="joined"),
    path("joined/resend", pages.Resend.as_view(), name="joined-resend"),
    path("me", me_pages.Me.as_view(), name="me"),
    path("me/confirm", me_pages.Confirm.as_view(), name="me-confirm"),
    path("me/leave", me_pages.Leave.as_view(), name="me-leave"),
    path("me/defer", me_pages.Defer.as_view(), name="me-defer"),
    path("me/decline", me_pages.Decline.as_view(), name="me-decline"),
    path("me/forget", me_pages.Forget.as_view(), name="me-forget"),
    path("question", Question.as_view(), name="question"),
    path("redeem", me_pages.Complete.as_view(), name="redeem-complete"),
]
