"""What the web server loads. The pages' routes are read at start, so that the first visitor does not wait for them."""

import os

from django.core.wsgi import get_wsgi_application
from django.urls import get_resolver

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

application = get_wsgi_application()
get_resolver().reverse_dict  # noqa: B018 - reading it loads every URL, view and form
