"""The routes of the doors of referrals."""

from django.urls import path

from referrals import api

urlpatterns = [
    path("earn", api.Earn.as_view(), name="referrals-earn"),
    path("share", api.Share.as_view(), name="referrals-share"),
    path("<str:email>/quality", api.Quality.as_view(), name="referrals-quality"),
]
