"""AWS Signature Version 4, for requests without a query, to addresses that need no escaping. Pure."""

import hashlib
import hmac
from collections.abc import Mapping
from datetime import datetime
from urllib.parse import urlsplit

from pydantic import SecretStr

from bot.models import Value

_METHOD = "AWS4-HMAC-SHA256"


class Keys(Value):
    """session: the token that comes with keys for a while."""

    id: str
    secret: SecretStr
    session: SecretStr = SecretStr("")
    region: str = "us-east-1"
    service: str = "s3"


def signed(
    method: str, url: str, headers: Mapping[str, str], digest: str, keys: Keys, now: datetime
) -> Mapping[str, str]:
    """The headers with what proves who sent them. digest: the content's SHA-256, in hexadecimal. now: in UTC."""
    address, moment = urlsplit(url), now.strftime("%Y%m%dT%H%M%SZ")
    said = {**headers, "Host": address.netloc, "X-Amz-Date": moment}
    if keys.service == "s3":
        said["X-Amz-Content-Sha256"] = digest
    if token := keys.session.get_secret_value():
        said["X-Amz-Security-Token"] = token
    canonical = {name.lower(): value.strip() for name, value in sorted(said.items(), key=lambda each: each[0].lower())}
    names = ";".join(canonical)
    lines = "".join(f"{name}:{value}\n" for name, value in canonical.items())
    request = "\n".join([method, address.path or "/", "", lines, names, digest])
    scope = f"{moment[:8]}/{keys.region}/{keys.service}/aws4_request"
    text = "\n".join([_METHOD, moment, scope, hashlib.sha256(request.encode()).hexdigest()])
    signature = hmac.new(_key(keys, moment[:8]), text.encode(), "sha256").hexdigest()
    proof = f"{_METHOD} Credential={keys.id}/{scope}, SignedHeaders={names}, Signature={signature}"
    return {**said, "Authorization": proof}


def _key(keys: Keys, day: str) -> bytes:
    key = f"AWS4{keys.secret.get_secret_value()}".encode()
    for part in (day, keys.region, keys.service, "aws4_request"):
        key = hmac.digest(key, part.encode(), "sha256")
    return key
