"""GET /api/schema and GET /api/docs: the description of the API, and Swagger UI from our own host to read and try it."""

from csp.decorators import csp_update
from django.utils.decorators import method_decorator
from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerSplitView


class SchemaView(SpectacularAPIView):
    """The OpenAPI file."""


# Swagger UI sets styles on elements; nothing else of the strict policy gives way for it.
@method_decorator(csp_update({"style-src": ["'self'", "'unsafe-inline'"]}), name="dispatch")
class DocsView(SpectacularSwaggerSplitView):
    """The page."""

    url_name = "schema"
