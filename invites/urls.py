"""The routes that links of invites and codes lead to."""

from django.urls import path

from invites import views

urlpatterns = [
    path("sign-in", views.SignIn.as_view(), name="sign-in"),
    path("signup", views.signup, name="signup"),
    path("signup/opened", views.Opened.as_view(), name="signup-opened"),
    path("partner", views.Partner.as_view(), name="partner"),
]
