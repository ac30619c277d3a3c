"""The base of every API view: reads the input, keeps answers for retries, and gives the verb's answer its form.

Who may call, how often, and how an error looks is composed above (config/api.py, config/limits.py) and reaches the
doors through DRF's settings; a door only names its callers and its limit.
"""

import functools
import hashlib
import logging
from collections.abc import Callable, Collection
from typing import Any, ClassVar

from django.db import DatabaseError
from rest_framework.exceptions import APIException, NotFound, ParseError, ValidationError
from rest_framework.renderers import BaseRenderer
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import BaseSerializer
from rest_framework.views import APIView

from outbox import replies
from outbox.callers import Caller, Origin, caller_of, network, origin_of
from outbox.replies import Answer

logger = logging.getLogger(__name__)
KEY_LENGTH = 200
REPLAYED = "Idempotent-Replayed"
Verb = Callable[..., Answer]


class LengthRequired(APIException):
    """The body came in chunks."""

    status_code = 411
    default_code = "length_required"


def answering(verb: Verb) -> Callable[..., Response]:
    """Wraps a view's get, post or delete: the input is read before it, its Answer becomes the response."""

    @functools.wraps(verb)
    def respond(door: "Door", request: Request, **path: Any) -> Response:
        door.input = door.read()
        key = request.META.get("HTTP_IDEMPOTENCY_KEY") if request.method == "POST" else None
        run = functools.partial(verb, door, request, **path)
        answer = run() if key is None else door.once(key, run)
        door.headers.update(answer.headers)
        return Response(answer.body, status=answer.status)

    return respond


class Door(APIView):
    """One verb of the API. `get`, `post` or `delete` returns an Answer and raises Refused; `self.input` is the checked input.

    callers  who may call: "public", "person", "key:<scope>"; staff with that scope may call what a key may
    limit    the row of the table in config/limits.py
    Input    a serializer of the body (of the query for GET)
    Output   a serializer that documents the answer, which has one of the statuses in `success`
    """

    callers: ClassVar[Collection[str]] = frozenset({"public"})
    limit: ClassVar[str] = ""
    Input: ClassVar[type[BaseSerializer[Any]] | None] = None
    Output: ClassVar[type[BaseSerializer[Any]] | None] = None
    success: ClassVar[tuple[int, ...]] = (200,)
    metadata_class = None
    headers: dict[str, str]
    input: dict[str, Any]

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        for name in ("get", "post", "delete"):
            if name in vars(cls):
                setattr(cls, name, answering(vars(cls)[name]))

    @property
    def caller(self) -> Caller:
        """Who calls."""
        return caller_of(self.request)

    @property
    def actor(self) -> str:
        """The caller's name for `by=`."""
        return self.caller.actor

    @property
    def network(self) -> str | None:
        """Where the call comes from."""
        return network(self.request)

    @property
    def origin(self) -> Origin:
        """From where and with what, for the trace and the assessment."""
        return origin_of(self.request)

    @property
    def sent(self) -> Any:
        """The body, or the query of a GET, as it was sent."""
        return self.request.query_params if self.request.method in ("GET", "HEAD") else self.request.data

    @classmethod
    @functools.cache
    def reader(cls) -> BaseSerializer[Any] | None:
        """One serializer for all requests: reading keeps nothing in it, and copying its fields anew costs more than reading."""
        return cls.Input() if cls.Input else None

    def read(self) -> dict[str, Any]:
        """The input, checked. Unknown keys have no effect."""
        reader = self.reader()
        sent = self.sent
        return dict(reader.run_validation(sent)) if reader else {}

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """Refuses what no text column can hold, and a body whose length is not said: it would be read as none."""
        if request.META.get("HTTP_TRANSFER_ENCODING") and not request.META.get("CONTENT_LENGTH"):
            raise LengthRequired
        if "\0" in request._request.path_info:
            raise NotFound
        if "%00" in request.META.get("QUERY_STRING", ""):
            raise ParseError
        super().initial(request, *args, **kwargs)

    def once(self, key: str, verb: Callable[[], Answer]) -> Answer:
        """Runs the verb unless this caller's call with this key has been answered; then that answer, its secrets derived."""
        if not (0 < len(key) <= KEY_LENGTH and key.isprintable()):
            raise ValidationError({"Idempotency-Key": [f"Use 1 to {KEY_LENGTH} printable characters."]})
        claim = replies.claim(self.reply_scope(), key, self.fingerprint())
        if isinstance(claim, Answer):
            body = {**claim.body, **self.secrets(claim.ids)}
            return Answer(body, status=claim.status, headers={REPLAYED: "true"})
        answer: Answer | None = None
        try:
            answer = verb()
        finally:
            if answer is None:
                replies.forget(claim)
        self.keep(claim, answer)
        return answer

    def keep(self, claim: replies.Claim, answer: Answer) -> None:
        """The verb is committed by now: an answer that cannot be kept must not turn it into a failure."""
        try:
            replies.keep(claim, answer)
        except DatabaseError:
            logger.warning("the answer of %s was not kept for retries", self.reply_scope(), exc_info=True)

    def secrets(self, ids: dict[str, Any]) -> dict[str, Any]:
        """The parts of a kept answer that are not kept, derived from its ids. Doors with secrets say how."""
        return {}

    def reply_scope(self) -> str:
        """Whose keys these are: one caller's, on one route."""
        who = self.actor if self.caller.row is not None else f"public:{self.network}"
        match = self.request.resolver_match
        return f"{who} {match.view_name if match else self.request.path}"

    def fingerprint(self) -> bytes:
        """What makes two calls the same: path, query and body, byte for byte."""
        said = self.request._request
        return hashlib.sha256(said.get_full_path().encode() + b"\n" + said.body).digest()

    def perform_content_negotiation(self, request: Request, force: bool = False) -> tuple[BaseRenderer, str]:
        """JSON, whatever Accept says."""
        renderer = self.renderer_classes[0]()
        return renderer, str(renderer.media_type)

    def finalize_response(self, request: Request, response: Response, *args: Any, **kwargs: Any) -> Response:
        """Answers are for their caller alone, unless the verb says they may be kept."""
        self.headers.setdefault("Cache-Control", "no-store")
        return super().finalize_response(request, response, *args, **kwargs)
