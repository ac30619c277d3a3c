"""Every setting in one file, read from the environment (names: docs/operations.md); secrets also from files."""

import secrets
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import environ
from django.core.exceptions import ImproperlyConfigured
from django.utils.translation import gettext_lazy as _

from config import checks, embedded


class Environment(environ.FileAwareEnv):
    """The environment; what cannot be read is said with its name."""

    def get_value(self, var: str, *args: Any, **options: Any) -> Any:
        """The value of that name, or of the file that NAME_FILE names."""
        try:
            return super().get_value(var, *args, **options)
        except OSError as error:
            raise ImproperlyConfigured(f"{var}_FILE names a file that cannot be read: {error}") from error
        except ValueError as error:
            raise ImproperlyConfigured(f"{var} cannot be understood: {error}") from error


BASE_DIR = Path(__file__).resolve().parent.parent
env = Environment()

DATA_DIR = Path(env("DATA_DIR", default=str(BASE_DIR / ".data"))).resolve()
DATABASE_URL: str = env("DATABASE_URL", default="").strip()  # a file ends with a newline
REDIS_URL: str = env("REDIS_URL", default="").strip() or embedded.redis_url(DATA_DIR)
DEBUG: bool = env.bool("DEBUG", default=False)  # `manage.py run` turns it on where DATABASE_URL is empty
TESTING: bool = env.bool("TESTING", default=False)
PORT: int = env.int("PORT", default=8000)
BIND_ADDRESS: str = env("BIND_ADDRESS", default="127.0.0.1" if DEBUG else "0.0.0.0")  # noqa: S104
PRODUCTION = bool(DATABASE_URL) and not DEBUG

given = {
    name: env(name, default="").strip() for name in ("SECRET_KEY", "CODE_KEYS", "PUBLIC_BASE_URL", "ALLOWED_HOSTS")
}
if PRODUCTION and (reasons := checks.refusals(given)):
    raise ImproperlyConfigured(
        "Vestibule does not start in production like this:\n" + "\n".join(f"- {each}" for each in reasons)
    )


def kept_secret(name: str) -> str:
    """The secret from the environment; outside production one is made once and kept in DATA_DIR."""
    if given[name]:
        return given[name]
    return embedded.keep(DATA_DIR / name.lower(), lambda: secrets.token_urlsafe(48))


SECRET_KEY = kept_secret("SECRET_KEY")
SECRET_KEY_FALLBACKS: list[str] = env.list("SECRET_KEY_FALLBACKS", default=[])

# "2:newer,1:older": the highest version makes new codes, the others keep reading old ones. A bare secret is version 1.
CODE_KEYS: dict[int, str] = {
    int(version or 1): secret
    for version, _colon, secret in (
        part.rpartition(":") for part in kept_secret("CODE_KEYS").replace(" ", "").split(",")
    )
}

PUBLIC_BASE_URL: str = (given["PUBLIC_BASE_URL"] or f"http://localhost:{PORT}").rstrip("/")
PUBLIC_HOST = urlsplit(PUBLIC_BASE_URL).hostname or "localhost"
# This machine may always ask itself, such as for its health; no link is ever built from a Host header.
ALLOWED_HOSTS: list[str] = env.list("ALLOWED_HOSTS", default=[PUBLIC_HOST, "localhost", "127.0.0.1", "[::1]"])
CSRF_TRUSTED_ORIGINS = [PUBLIC_BASE_URL]
CSRF_FAILURE_VIEW = "config.problems.csrf_failure"
TRUSTED_PROXIES: int = env.int("TRUSTED_PROXIES", default=0)
# Where a country is told: a header that a proxy of ours overwrites, or a file of networks in MaxMind's format.
COUNTRY_HEADER: str = env("COUNTRY_HEADER", default="")
GEOIP_PATH: str = env("GEOIP_PATH", default="")
REQUESTS_IN_FLIGHT: int = env.int("REQUESTS_IN_FLIGHT", default=64)  # per process; one more is refused at once with 503
HTTPS = PUBLIC_BASE_URL.startswith("https://")

INSTALLED_APPS = [
    "unfold.apps.BasicAppConfig",
    "unfold.contrib.filters",
    "unfold.contrib.forms",
    "config.site.ConsoleConfig",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.humanize",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django.contrib.postgres",
    "rest_framework",
    "rest_framework_api_key",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "allauth",
    "allauth.account",
    "allauth.socialaccount",
    "allauth.socialaccount.providers.openid_connect",
    "allauth.headless",
    "allauth.mfa",
    "allauth.usersessions",
    "config",
    "referrals",
    "invites",
    "quality",
    "waitlist",
    "accounts",
    "outbox",
]

MIDDLEWARE = [
    "config.overload.OverloadMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "config.middleware.ContentPolicy",
    "config.middleware.Device",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "config.middleware.PageMessages",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "config.limits.LimitsMiddleware",
    "config.console_door.ConsoleDoor",
]

ROOT_URLCONF = "config.urls"
WSGI_APPLICATION = "config.wsgi.application"
APPEND_SLASH = False
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.template.context_processors.i18n",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "config.pages.launch_everywhere",
            ]
        },
    }
]

# A pool per process: a connection per request would cost 8 ms. Timeouts are short so that a lost or overloaded
# database is answered with 503 and Retry-After instead of a hanging page.
DATABASE_OPTIONS: dict[str, Any] = {
    "pool": {
        "min_size": env.int("DATABASE_POOL_MIN", default=1),
        "max_size": env.int("DATABASE_POOL_MAX", default=16),
        "timeout": env.float("DATABASE_POOL_TIMEOUT", default=1.0),
        "max_idle": 300,
        "reconnect_timeout": 10,
    },
    "connect_timeout": 2,
    "options": "-c lock_timeout=3000 -c timezone=UTC",
    "prepare_threshold": 5,  # Django's None would forbid outbox/sql.py to prepare; the ORM's own cursors never do
}
named: dict[str, Any] = env.db_url_config(DATABASE_URL) if DATABASE_URL else embedded.address_of(DATA_DIR)
DATABASES: dict[str, dict[str, Any]] = {
    "default": {
        **named,
        "HOST": unquote(named["HOST"]),  # the folder of a socket is written %2Frun%2Fpostgresql
        "ENGINE": "django.db.backends.postgresql",
        "CONN_MAX_AGE": 0,
        "ATOMIC_REQUESTS": False,
        "OPTIONS": DATABASE_OPTIONS | named.get("OPTIONS", {}),
    }
}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

# Redis is a cache and a broker and may vanish: short timeouts, and a lost cache reads as empty.
SILENCED_SYSTEM_CHECKS: list[str] = []
if REDIS_URL:
    CACHES: dict[str, dict[str, Any]] = {
        "default": {
            "BACKEND": "django_redis.cache.RedisCache",
            "LOCATION": REDIS_URL,
            "OPTIONS": {
                "SOCKET_CONNECT_TIMEOUT": 0.3,
                "SOCKET_TIMEOUT": 0.5,
                "IGNORE_EXCEPTIONS": True,
                # The threads are the bound. At its own, a hundred, the pool raises, and the limits would stand open.
                "CONNECTION_POOL_KWARGS": {"max_connections": 10_000},
            },
        }
    }
else:
    # One web process counts in its own memory; the checks would refuse to start for the sake of several.
    CACHES = {
        "default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache", "OPTIONS": {"MAX_ENTRIES": 100_000}}
    }
    SILENCED_SYSTEM_CHECKS += ["django_ratelimit.E003", "django_ratelimit.W001"]
RATELIMIT_ENABLE: bool = env.bool("RATELIMIT_ENABLE", default=True)
RATELIMIT_FAIL_OPEN = True  # codes are guarded by the database's own count of refused attempts (config/limits.py)

AUTH_USER_MODEL = "accounts.User"
AUTHENTICATION_BACKENDS = [
    "django.contrib.auth.backends.ModelBackend",
    "allauth.account.auth_backends.AuthenticationBackend",
]
PASSWORD_HASHERS = [
    "django.contrib.auth.hashers.Argon2PasswordHasher",
    "django.contrib.auth.hashers.PBKDF2PasswordHasher",
]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in ("UserAttributeSimilarityValidator", "MinimumLengthValidator", "CommonPasswordValidator")
]

# Sign-up: allauth asks, invites/gate.py decides.
ACCOUNT_ADAPTER = "invites.gate.AccountGate"
SOCIALACCOUNT_ADAPTER = "invites.gate.SocialGate"
ACCOUNT_SIGNUP_FORM_CLASS = "invites.forms.InviteFields"
ACCOUNT_USER_MODEL_USERNAME_FIELD = None
ACCOUNT_LOGIN_METHODS = {"email"}
ACCOUNT_SIGNUP_FIELDS = ["email*", "password1*"]
# An address is confirmed by a code that is typed where the sign-up was begun: with a link, who signs a stranger up would
# wait for them to open it, and then share the account. The address cannot be changed on the way: it may be bound.
ACCOUNT_EMAIL_VERIFICATION = "mandatory"
ACCOUNT_EMAIL_VERIFICATION_BY_CODE_ENABLED = True
ACCOUNT_EMAIL_VERIFICATION_SUPPORTS_CHANGE = False
ACCOUNT_EMAIL_VERIFICATION_SUPPORTS_RESEND = True
ACCOUNT_EMAIL_VERIFICATION_BY_CODE_MAX_ATTEMPTS = 5
ACCOUNT_LOGIN_BY_CODE_ENABLED = True
ACCOUNT_LOGIN_BY_CODE_SUPPORTS_RESEND = True
ACCOUNT_LOGIN_TIMEOUT = ACCOUNT_EMAIL_VERIFICATION_BY_CODE_TIMEOUT = ACCOUNT_LOGIN_BY_CODE_TIMEOUT = 3600
ACCOUNT_EMAIL_SUBJECT_PREFIX = ""
ACCOUNT_SESSION_REMEMBER = True
# Who has but a stolen session adds no mailbox of their own, by whose codes they would come back when it is ended.
ACCOUNT_REAUTHENTICATION_REQUIRED = True
# config/limits.py counts what strangers send, by network and contact, also while Redis is gone; allauth's own count there
# would lock an office behind one address, and everybody without Redis. What stays is its brake on guessed passwords.
ACCOUNT_RATE_LIMITS: dict[str, str | None] = {
    "signup": None,
    "login": None,
    "login_failed": "300/10m/ip,20/10m/key",
    "confirm_email": None,
    "request_login_code": None,
    "reset_password": None,
    "reset_password_from_key": None,
}
# Staff are asked for a second factor; with this on nobody gets into the console without one.
STAFF_SECOND_FACTOR: bool = env.bool("STAFF_SECOND_FACTOR", default=False)
MFA_ADAPTER = "accounts.adapters.SecondFactor"
MFA_SUPPORTED_TYPES = ["totp", "recovery_codes", "webauthn"]
MFA_TOTP_TOLERANCE = 1  # half a minute early or late: telephones are not always right
MFA_WEBAUTHN_ALLOW_INSECURE_ORIGIN = not HTTPS
USERSESSIONS_ADAPTER = "accounts.adapters.Sessions"
SIGN_UP_SECONDS: float = env.float("SIGN_UP_SECONDS", default=0.3)  # no answer comes sooner, so its time tells nothing
FORM_SECONDS: float = env.float(
    "FORM_SECONDS", default=3
)  # nobody fills in the join page sooner; 0 takes it from anybody
SOCIALACCOUNT_AUTO_SIGNUP = False
SOCIALACCOUNT_LOGIN_ON_GET = False
SOCIALACCOUNT_EMAIL_VERIFICATION = "mandatory"
HEADLESS_CLIENTS = ("app", "browser")
HEADLESS_SERVE_SPECIFICATION = False
# Where the links in allauth's mails lead: never built from a request's Host header.
HEADLESS_FRONTEND_URLS = {
    "account_signup": f"{PUBLIC_BASE_URL}/signup",
    "account_reset_password": f"{PUBLIC_BASE_URL}/accounts/password/reset/",
    "account_reset_password_from_key": f"{PUBLIC_BASE_URL}/accounts/password/reset/key/{{key}}/",
}
SOCIALACCOUNT_PROVIDERS: dict[str, Any] = {}
if env("OIDC_SERVER_URL", default=""):
    SOCIALACCOUNT_PROVIDERS["openid_connect"] = {
        "APPS": [
            {
                "provider_id": "oidc",
                "name": env("OIDC_NAME", default="Single sign-on"),
                "client_id": env("OIDC_CLIENT_ID"),
                "secret": env("OIDC_SECRET"),
                "settings": {"server_url": env("OIDC_SERVER_URL")},
            }
        ]
    }
LOGIN_URL = "account_login"
LOGIN_REDIRECT_URL = "/me"
LOGOUT_REDIRECT_URL = "/"

# Mail: EMAIL_URL names an SMTP server, or an ESP that anymail knows (its keys: ANYMAIL_*). In development an empty
# value keeps every message in DATA_DIR, for the mailbox page.
EMAIL_URL: str = env("EMAIL_URL", default="")
DEFAULT_FROM_EMAIL: str = env("DEFAULT_FROM_EMAIL", default=f"hello@{PUBLIC_HOST}")
SERVER_EMAIL = DEFAULT_FROM_EMAIL
EMAIL_TIMEOUT = 10
MAILBOX_DIR = DATA_DIR / "mailbox"
EMAIL_FILE_PATH = MAILBOX_DIR
MAILBOX = DEBUG and not EMAIL_URL
if EMAIL_URL.startswith(("smtp://", "smtps://", "smtp+tls://")):
    EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    _smtp = env.email_url("EMAIL_URL", default=EMAIL_URL.replace("smtps://", "smtp+ssl://"))
    EMAIL_HOST, EMAIL_PORT = _smtp["EMAIL_HOST"], _smtp["EMAIL_PORT"]
    EMAIL_HOST_USER, EMAIL_HOST_PASSWORD = _smtp["EMAIL_HOST_USER"] or "", _smtp["EMAIL_HOST_PASSWORD"] or ""
    EMAIL_USE_SSL = EMAIL_URL.startswith("smtps://")
    EMAIL_USE_TLS = EMAIL_URL.startswith("smtp+tls://")
elif EMAIL_URL:
    EMAIL_BACKEND = f"anymail.backends.{EMAIL_URL.split('://', 1)[0]}.EmailBackend"
    ANYMAIL = {
        name.removeprefix("ANYMAIL_"): value for name, value in env.ENVIRON.items() if name.startswith("ANYMAIL_")
    }
else:
    EMAIL_BACKEND = "outbox.mailbox.EmailBackend" if MAILBOX else "django.core.mail.backends.smtp.EmailBackend"
# Text messages go through one class, as mail does through its backend; empty: joining by phone is off.
SMS_BACKEND: str = env("SMS_BACKEND", default="outbox.mailbox.SmsBackend" if MAILBOX else "")

# Webhooks go to public addresses over https; what stands here (names, or networks such as 10.0.0.0/8) may be private.
WEBHOOK_PRIVATE_HOSTS: list[str] = env.list("WEBHOOK_PRIVATE_HOSTS", default=[])

CELERY_BROKER_URL = REDIS_URL.replace("unix://", "redis+socket://") or "filesystem://localhost"
if not REDIS_URL:
    CELERY_BROKER_TRANSPORT_OPTIONS: dict[str, Any] = {
        "data_folder_in": str(DATA_DIR / "broker"),
        "data_folder_out": str(DATA_DIR / "broker"),
        "control_folder": str(DATA_DIR / "broker-control"),
        "store_processed": False,
    }
else:
    CELERY_BROKER_TRANSPORT_OPTIONS = {"visibility_timeout": 600, "socket_timeout": 5, "socket_connect_timeout": 2}
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_ACKS_LATE = True
CELERY_TASK_PUBLISH_RETRY = False
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_TIMEZONE = "UTC"

LANGUAGE_CODE = "en"
LANGUAGES = [("en", _("English")), ("ru", _("Russian"))]
LOCALE_PATHS = [BASE_DIR / "locale"]
TIME_ZONE = "UTC"
USE_TZ = True

STATIC_URL = "/static/"
STATICFILES_DIRS = [BASE_DIR / "static"]
STATIC_ROOT = env("STATIC_ROOT", default=str(BASE_DIR / "staticfiles"))
WHITENOISE_USE_FINDERS = DEBUG
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {
        "BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"
        if DEBUG or TESTING
        else "whitenoise.storage.CompressedManifestStaticFilesStorage"
    },
}

CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": ["'self'"],
        "img-src": ["'self'", "data:"],
        "object-src": ["'none'"],
        "base-uri": ["'none'"],
        "frame-ancestors": ["'none'"],
        "form-action": ["'self'"],
    }
}
# The console's theme reads expressions from its pages (Alpine) and writes its colours into them; still nothing from elsewhere.
CONSOLE_CONTENT_SECURITY_POLICY: dict[str, list[str]] = CONTENT_SECURITY_POLICY["DIRECTIVES"] | {
    "script-src": ["'self'", "'unsafe-eval'"],
    "style-src": ["'self'", "'unsafe-inline'"],
}
SECURE_REFERRER_POLICY = "same-origin"
SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_HSTS_SECONDS = 31_536_000 if HTTPS and not DEBUG else 0
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if TRUSTED_PROXIES else None
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = HTTPS
SESSION_COOKIE_SAMESITE = "Lax"
X_FRAME_OPTIONS = "DENY"
DATA_UPLOAD_MAX_MEMORY_SIZE = 2_621_440
FILE_UPLOAD_HANDLERS = [
    "outbox.reading.Quota",  # first: what is over it is not kept by the others
    "django.core.files.uploadhandler.MemoryFileUploadHandler",
    "django.core.files.uploadhandler.TemporaryFileUploadHandler",
]

REST_FRAMEWORK: dict[str, Any] = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "config.api.KeyAuthentication",
        "config.api.PersonAuthentication",
        "config.api.StaffSession",
    ],
    "DEFAULT_PERMISSION_CLASSES": ["config.api.Callers"],
    "DEFAULT_THROTTLE_CLASSES": ["config.limits.DoorThrottle"],
    "DEFAULT_PARSER_CLASSES": ["config.api.StrictJSONParser"],
    "DEFAULT_RENDERER_CLASSES": ["config.api.JSONRenderer"],
    "EXCEPTION_HANDLER": "config.api.problem",
    "DEFAULT_SCHEMA_CLASS": "config.schema.Schema",
    "UNAUTHENTICATED_USER": None,
    "UNICODE_JSON": True,
}
SPECTACULAR_SETTINGS: dict[str, Any] = {
    "TITLE": "Vestibule",
    "DESCRIPTION": "Waitlist, invites and referrals: the wire contract of this install.",
    "VERSION": "1",
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    "SERVE_INCLUDE_SCHEMA": False,
    "COMPONENT_SPLIT_REQUEST": True,
}

UNFOLD: dict[str, Any] = {
    "SITE_TITLE": "Vestibule",
    "SITE_HEADER": "Vestibule",
    "SITE_SYMBOL": "door_open",
    "SITE_FAVICONS": [{"rel": "icon", "type": "image/svg+xml", "href": "config.console.icon"}],
    "SHOW_HISTORY": False,
    "SHOW_VIEW_ON_SITE": False,
    "SHOW_BACK_BUTTON": True,
    "STYLES": ["config.console.style"],
    "BORDER_RADIUS": "6px",
    "COLORS": {
        "primary": {
            "50": "oklch(97.5% .013 244)",
            "100": "oklch(94.5% .03 244)",
            "200": "oklch(89.5% .06 244)",
            "300": "oklch(82% .1 244)",
            "400": "oklch(72% .13 246)",
            "500": "oklch(62% .155 250)",
            "600": "oklch(53% .165 254)",
            "700": "oklch(46% .15 256)",
            "800": "oklch(40% .12 257)",
            "900": "oklch(35% .09 257)",
            "950": "oklch(26% .065 258)",
        }
    },
    "SCRIPTS": ["config.console.keys", "config.console.times"],
    "ACCOUNT": {"navigation": "config.console.account_links"},
    "SIDEBAR": {"show_search": True, "show_all_applications": True, "navigation": "config.console.navigation"},
}

LOGGING: dict[str, Any] = {
    "version": 1,
    "disable_existing_loggers": False,
    "filters": {"route": {"()": "config.logs.RouteFilter"}},
    "formatters": {"plain": {"format": "%(asctime)s %(levelname)s %(name)s %(message)s"}},
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "plain", "filters": ["route"]}},
    "root": {"handlers": ["console"], "level": env("LOG_LEVEL", default="INFO")},
    "loggers": {
        "django": {"handlers": [], "level": "INFO", "propagate": True},
        "django.server": {"handlers": [], "level": "WARNING", "propagate": True},
    },
}
