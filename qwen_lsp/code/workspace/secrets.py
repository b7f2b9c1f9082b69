"""Names of files that hold secrets. They are never read as context, whatever the settings say."""

from __future__ import annotations

import re
from pathlib import PurePath

_NAMES = re.compile(
    r"""
      \.env.* | .*\.env | env\.(local|production|development) | \.envrc
    | id_(rsa|dsa|ecdsa|ed25519|xmss)?.* | .*\.(pem|key|p12|pfx|p8|jks|keystore|asc|gpg|pgp|kdbx|ppk|ovpn|keytab|crt|cer|der|csr|tfstate|tfvars)
    | .*\.(tfstate|tfvars)\..* | .*_(rsa|dsa|ecdsa|ed25519)
    | \.?(netrc|_netrc|pgpass|pypirc|npmrc|yarnrc|htpasswd|htaccess|git-credentials|dockercfg|boto|s3cfg|my\.cnf|vault[-_]?pass(word)?.*)
    | .*credentials?(\.(json|ya?ml|toml|ini|xml|txt|csv|properties|cfg|conf|env|db))? | .*secrets?\.(json|ya?ml|toml|ini|xml|txt|properties|cfg|conf|env)
    | \.?secrets? | .*passwords?(\.(json|ya?ml|toml|ini|txt|csv|db))? | .*service[-_]?account.*\.json | client_secret.*\.json
    | .*token(s)?\.(json|txt|ya?ml) | kubeconfig | authorized_keys | known_hosts | \.?(bash|zsh|python|psql|mysql|node_repl)_history
    | wallet\.dat | .*\.(sqlite|sqlite3|db)-?(wal|shm)?
    """,
    re.VERBOSE | re.IGNORECASE,
)
_FOLDERS = frozenset(
    {".ssh", ".gnupg", ".aws", ".azure", ".kube", ".docker", ".gcloud", ".password-store", "secrets"}
)
_KEY_HEADER = re.compile(rb"-----BEGIN [A-Z0-9 ]*PRIVATE KEY")


def is_secret(path: PurePath) -> bool:
    """Whether a file's name or one of its folders says that it holds secrets."""
    return _NAMES.fullmatch(path.name) is not None or not _FOLDERS.isdisjoint(path.parts[:-1])


def holds_key(head: bytes) -> bool:
    """Whether the beginning of a file shows a private key."""
    return _KEY_HEADER.search(head) is not None
