"""Users and API keys. Every user row names who admitted them; a key is kept as a hash with the scopes it was given."""

from typing import Any, ClassVar

from django.contrib.auth.hashers import make_password
from django.contrib.auth.models import AbstractBaseUser, BaseUserManager, PermissionsMixin
from django.contrib.postgres.fields import ArrayField
from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from rest_framework_api_key.models import AbstractAPIKey, BaseAPIKeyManager

from accounts.scopes import SCOPES


class LowerCaseEmailField(models.EmailField):
    """An address kept and looked up in lower case, so one mailbox cannot be two users."""

    def get_prep_value(self, value: Any) -> Any:
        """What is written and compared."""
        value = super().get_prep_value(value)
        return value.lower() if isinstance(value, str) else value


class Users(BaseUserManager["User"]):
    """Makes users, and asks of each who admitted them."""

    def create_user(self, email: str, password: str | None = None, *, admitted_by: str, **columns: Any) -> "User":
        """A user who may log in with the password; without one, only by code or single sign-on."""
        if not email:
            raise ValueError("a user needs an e-mail address")
        return self.create(
            email=email.strip().lower(), password=make_password(password), admitted_by=admitted_by, **columns
        )

    def create_superuser(
        self, email: str, password: str | None = None, *, admitted_by: str = "staff:createsuperuser", **columns: Any
    ) -> "User":
        """An owner: staff with every right."""
        columns |= {"is_staff": True, "is_superuser": True}
        return self.create_user(email, password, admitted_by=admitted_by, **columns)


class User(AbstractBaseUser, PermissionsMixin):
    """Somebody who can log in here. `admitted_by` is the last guard: no path makes a user without naming who let them in."""

    email = LowerCaseEmailField(_("e-mail address"), unique=True)
    name = models.TextField(_("name"), blank=True, default="")
    admitted_by = models.TextField(help_text=_("Who let this user in, such as code:12, staff:1 or mode:open."))
    is_staff = models.BooleanField(_("staff"), default=False, help_text=_("May open the console."))
    is_active = models.BooleanField(_("active"), default=True, help_text=_("May log in."))
    date_joined = models.DateTimeField(_("joined"), default=timezone.now, editable=False)

    objects = Users()

    USERNAME_FIELD = "email"
    EMAIL_FIELD = "email"
    REQUIRED_FIELDS: ClassVar[list[str]] = []

    class Meta:
        permissions = [
            ("give_role_user", "Can give people a role in the console"),
            ("take_role_user", "Can take people's role in the console"),
            ("deactivate_user", "Can switch people's log-in off"),
            ("reactivate_user", "Can switch people's log-in on again"),
            ("reset_second_factor_user", "Can make a log-in forget its second factor"),
            ("sign_out_user", "Can end other people's sessions"),
        ]
        verbose_name = _("user")
        verbose_name_plural = _("users")
        constraints = [models.CheckConstraint(condition=~Q(admitted_by=""), name="user_was_admitted")]

    def __str__(self) -> str:
        return self.email

    def get_full_name(self) -> str:
        """The name, else the address."""
        return self.name or self.email

    def get_short_name(self) -> str:
        """The first word of the name, else the part of the address before the @."""
        return self.name.split(" ")[0] if self.name else self.email.partition("@")[0]


def known_scope(scope: str) -> None:
    """Refuses a scope that the catalogue does not have."""
    if scope not in SCOPES:
        raise ValidationError(
            _("%(scope)s is not a scope. There are: %(known)s"), params={"scope": scope, "known": ", ".join(SCOPES)}
        )


class ApiKeys(BaseAPIKeyManager):
    """Makes keys. The row keeps its own number as its id, so that the trail can name a key and give nothing of it away."""

    def assign_key(self, obj: AbstractAPIKey) -> str:
        """A new secret for the row, which keeps only the hash."""
        secret, obj.prefix, obj.hashed_key = self.key_generator.generate()
        return secret


class ApiKey(AbstractAPIKey):
    """A key for another program: shown once, kept hashed, allowed what its scopes say, dead at once when revoked."""

    id = models.BigAutoField(primary_key=True)  # type: ignore[assignment]  # the library's holds the hash
    scopes = ArrayField(models.TextField(validators=[known_scope]), verbose_name=_("scopes"), default=list)
    last_used_at = models.DateTimeField(
        _("last used"), null=True, blank=True, editable=False, help_text=_("To the minute.")
    )

    objects: ClassVar[ApiKeys] = ApiKeys()  # type: ignore[assignment]

    class Meta:
        ordering = ["-created"]
        permissions = [("revoke_apikey", "Can revoke API keys")]
        verbose_name = _("API key")
        verbose_name_plural = _("API keys")
