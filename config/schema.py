"""The OpenAPI description, read off the doors: their callers, limits, inputs and outputs."""

from typing import Any

from drf_spectacular.openapi import AutoSchema
from drf_spectacular.plumbing import ResolvedComponent
from drf_spectacular.utils import OpenApiParameter, inline_serializer
from rest_framework import serializers

from accounts.scopes import SCOPES
from config.problems import MEDIA_TYPE
from outbox.doors import KEY_LENGTH, REPLAYED

SECURITY = {
    "key": {"type": "http", "scheme": "bearer", "description": "An API key with the scope named."},
    "person": {
        "type": "apiKey",
        "in": "header",
        "name": "X-Waitlist-Token",
        "description": "The token of a private link.",
    },
    "session": {
        "type": "apiKey",
        "in": "cookie",
        "name": "sessionid",
        "description": "Staff in the console, with X-CSRFToken.",
    },
}
SAYS = {
    400: "The input does not fit; `errors` names the fields.",
    401: "A credential is missing, or not good any more.",
    403: "The credential may not do this, the launch is closed, or a proof of work is asked for.",
    404: "There is nothing here.",
    409: "The state changed, or the same call is still running.",
    413: "The body is over 64 KiB.",
    415: "The body is not JSON.",
    422: "Refused; `code` says why.",
    429: "Too many tries; Retry-After says when to come back.",
    503: "Busy, or without a database; Retry-After says when to come back.",
}
IDEMPOTENCY_KEY = OpenApiParameter(
    "Idempotency-Key",
    {"type": "string", "minLength": 1, "maxLength": KEY_LENGTH},
    OpenApiParameter.HEADER,
    description=f"Makes a retry safe for 24 hours: the same answer again, marked with {REPLAYED}.",
)
LAUNCH = OpenApiParameter(
    "launch", str, description="The slug of the launch, here or in the body; the first one when left out."
)


PROBLEM = inline_serializer(
    "Problem",
    {
        "type": serializers.CharField(),
        "title": serializers.CharField(),
        "status": serializers.IntegerField(),
        "detail": serializers.CharField(),
        "code": serializers.CharField(help_text="A stable word for programs."),
        "errors": serializers.DictField(child=serializers.ListField(child=serializers.CharField())),
        "challenge": serializers.DictField(
            required=False,
            help_text="What to solve where `code` is challenge_required: altcha's, in its second version.",
        ),
    },
)


class Schema(AutoSchema):
    """Describes one door."""

    view: Any

    def get_tags(self) -> list[str]:
        """The part of the API: the word after /api/."""
        words = [word for word in self.path.split("/") if word and word != "api"]
        return ["health" if "health" in words or not words else words[0]]

    def get_operation_id(self) -> str:
        """Part and verb, such as waitlist_join."""
        words = [word.strip("{}").replace("-", "_") for word in self.path.split("/") if word and word != "api"]
        return "_".join([*words, self.method.lower()] if self.method != "POST" else words)

    def get_serializer_name(self, serializer: Any, direction: Any) -> str:
        """Inputs and outputs are named by their door."""
        return str(type(serializer).__qualname__.replace(".", ""))

    def get_request_serializer(self) -> Any:
        """The body of a POST."""
        return getattr(self.view, "Input", None)

    def get_override_parameters(self) -> list[Any]:
        """The query of a GET, the key of a retry, the launch."""
        parameters: list[Any] = [self.view.Input] if self.method == "GET" and getattr(self.view, "Input", None) else []
        if self.method == "POST":
            parameters.append(IDEMPOTENCY_KEY)
            reader = self.view.Input() if getattr(self.view, "Input", None) else None
            parameters += [LAUNCH] if reader and "launch" in reader.fields else []
        return parameters

    def callers(self) -> list[str]:
        """Who may call, in a settled order."""
        return sorted(getattr(self.view, "callers", ()))

    def get_auth(self) -> list[Any]:
        """The security schemes, one for each kind of caller."""
        for name, definition in SECURITY.items():
            self.registry.register_on_missing(
                ResolvedComponent(name=name, type=ResolvedComponent.SECURITY_SCHEMA, object=name, schema=definition)
            )
        schemes: list[dict[str, list[str]]] = []
        for caller in self.callers():
            schemes += (
                [{"key": []}, {"session": []}]
                if caller.startswith("key:")
                else [{} if caller == "public" else {caller: []}]
            )
        return schemes

    def get_description(self) -> str:  # type: ignore[override]  # drf-spectacular asks without arguments
        """What the door says of itself, and the scope that a key needs."""
        scopes = [caller.removeprefix("key:") for caller in self.callers() if caller.startswith("key:")]
        named = [f"Scope `{scope}`: {SCOPES[scope]}" for scope in scopes if scope in SCOPES]
        return "\n\n".join([super().get_description(), *named])

    def get_response_serializers(self) -> Any:
        """The answer, and each problem that this door can have."""
        output = getattr(self.view, "Output", None) or {"type": "object", "additionalProperties": True}
        responses: dict[Any, Any] = dict.fromkeys(getattr(self.view, "success", (200,)), output)
        return responses | {(status, MEDIA_TYPE): PROBLEM for status in self.troubles()}

    def troubles(self) -> list[int]:
        """The statuses of this door's problems."""
        found = {400, 401, 503} if self.view.authentication_classes else {503}
        if self.method == "POST":
            found |= {409, 413, 415, 422}
        if "{" in self.path:
            found |= {404}
        if self.callers() != ["public"]:
            found |= {403}
        return sorted(found | ({429} if getattr(self.view, "limit", "") else set()))

    def _get_response_for_code(
        self, serializer: Any, status_code: Any, media_types: Any = None, direction: Any = "response"
    ) -> Any:
        """Says in words what each problem means."""
        described: dict[str, Any] = super()._get_response_for_code(serializer, status_code, media_types, direction)
        if media_types and not described["description"]:
            described["description"] = SAYS.get(int(status_code), "")
        return described
