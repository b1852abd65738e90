"""Who may see the page: a token for programs, and links with one-time codes for people.

``$HPO_HOME/web`` (0700) holds ``token`` (0600), which programs send and from which the browser's cookie is
derived, and ``codes/``, a file for each code that was printed and not used yet: any process of the user can
print a link, and whichever server gets it takes the code away. Nothing secret is ever an argument or an
environment variable of a process.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import secrets
import stat
import time
from pathlib import Path

from hpo.durable import make_private
from hpo.errors import StoreError

__all__ = ["Access"]

_CODES_LAST = 24 * 3600.0  # seconds
SESSIONS_LAST = 30 * 24 * 3600.0  # seconds


class Access:
    """The secrets of the page.

    Args:
        home: the folder of all experiments.

    Raises:
        StoreError: they cannot be kept there.
    """

    def __init__(self, home: Path) -> None:
        self._codes = home / "web" / "codes"
        path = home / "web" / "token"
        try:
            make_private(home)
            path.parent.mkdir(mode=0o700, exist_ok=True)
            _check_private(path.parent)
            self._codes.mkdir(mode=0o700, exist_ok=True)
            self.token = _kept(path)
        except OSError as error:
            raise StoreError(
                f"the page's token cannot be kept in {path.parent}: {error.strerror}",
                help="set HPO_HOME to a folder of your own, or run without the page: --no-web",
            ) from error

    def mint(self) -> str:
        """Return a new code, good for one browser within a day."""
        now = time.time()
        for path in self._codes.iterdir():
            if now - path.stat().st_mtime > _CODES_LAST:
                path.unlink(missing_ok=True)
        code = secrets.token_urlsafe(32)
        os.close(os.open(self._codes / _digest(code), os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
        return code

    def redeem(self, code: str) -> bool:
        """Use up a code; tell whether it was good."""
        path = self._codes / _digest(code)
        try:
            age = time.time() - path.stat().st_mtime
            path.unlink()  # of two who come at once, one gets it
        except OSError:
            return False
        return age <= _CODES_LAST

    def session(self) -> str:
        """Return a new value of the cookie."""
        issued = f"{int(time.time())}.{secrets.token_urlsafe(16)}"
        return f"{issued}.{self._seal(issued)}"

    def knows_session(self, cookie: str) -> bool:
        """Tell whether a cookie is one of ours, and not too old."""
        issued, _, seal = cookie.rpartition(".")
        if not hmac.compare_digest(seal.encode(), self._seal(issued).encode()):
            return False
        return time.time() - int(issued.split(".")[0]) <= SESSIONS_LAST

    def knows_token(self, token: str) -> bool:
        """Tell whether a program sent the token."""
        return hmac.compare_digest(token.encode(), self.token.encode())

    def _seal(self, issued: str) -> str:
        return hmac.new(self.token.encode(), f"session {issued}".encode(), hashlib.sha256).hexdigest()


def _check_private(folder: Path) -> None:
    """Refuse a folder that somebody else may have prepared: he would know the token in it."""
    found = folder.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.geteuid() or found.st_mode & 0o077:
        raise OSError(0, f"{folder} has to be a folder that is yours alone (chmod 700)")


def _digest(code: str) -> str:
    return hashlib.sha256(code.encode("utf-8", "surrogatepass")).hexdigest()


def _kept(path: Path) -> str:
    """Return the token that is kept in a file, or a new one that is kept from now on."""
    if not path.exists():
        new = path.with_name(f".token-{secrets.token_hex(8)}")
        file = os.open(new, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
        os.write(file, secrets.token_urlsafe(32).encode())
        os.fsync(file)  # before it has the name by which it is looked for
        os.close(file)
        try:
            os.link(new, path)  # unless another process was faster
        except FileExistsError:
            pass
        finally:
            new.unlink()
    token = path.read_text(encoding="ascii").strip()
    if len(token) < 32:
        raise OSError(0, f"{path} holds no token; remove it")
    return token
