"""How the bot goes to where its trail is told outside of Slack, from kickbot.toml and the environment."""

from bot.audit.places.aws import Keys
from bot.audit.places.buckets import Credentials
from bot.audit.places.opening import Access
from bot.audit.places.tls import Tls
from bot.credentials import Secrets
from bot.settings import Settings


def access_of(settings: Settings, secrets: Secrets) -> Access:
    key, secret = secrets.aws_access_key_id, secrets.aws_secret_access_key
    region = secrets.aws_region or secrets.aws_default_region or "us-east-1"
    session = secrets.aws_session_token
    keys = Keys(id=key, secret=secret, session=session, region=region) if key and secret else None
    return Access(
        tls=Tls(authorities=settings.tls_authorities, certificate=settings.tls_certificate),
        credentials=Credentials(authorization=secrets.audit_push_authorization, aws=keys),
        stamp_authorities=settings.stamp_authorities,
    )
