"""allauth's routes without the gate in front: what a careless include would do."""

from django.urls import include, path

from config import urls

handler403 = urls.handler403
urlpatterns = [path("accounts/", include("allauth.urls")), *urls.urlpatterns]
