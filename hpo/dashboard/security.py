"""The gate before every route: who asks, from where, and with what.

Threats, and what stands against each: another machine (we listen on loopback, and need the token); another
user of this machine (the token); a page of another site in the user's browser (``Host``, ``Origin`` and
``Sec-Fetch-Site`` are ours, or the answer is 403; the cookie is ``SameSite=Strict``; writes are JSON); a name
that is bound to 127.0.0.1 by its owner (``Host``); something of the user's that looks like HTML (the
Content-Security-Policy lets no script and no style run but our files).
"""

from __future__ import annotations

import base64
import hashlib
import ipaddress
import re
import socket
from collections.abc import Callable, Iterable
from urllib.parse import parse_qs

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from hpo.dashboard.access import SESSIONS_LAST, Access

__all__ = ["EXPERIMENT", "Security", "allowed_names"]

#: What an experiment's folder may be called: nothing that leads out of the home, or to a hidden file.
EXPERIMENT = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,99}")

_HOST = re.compile(r"(?:\[(?P<address>[0-9a-f:.]+)\]|(?P<name>[a-z0-9._-]+))(?::\d{1,5})?")
_LARGEST_BODY = 1 << 20
_SAFE = ("GET", "HEAD", "OPTIONS")

_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "worker-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
_HEADERS = {
    "Content-Security-Policy": _POLICY,
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=()",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}

_STYLE = """:root{color-scheme:light dark;font:16px/1.5 system-ui,sans-serif}
body{display:grid;place-items:center;min-height:90vh;margin:0}
main{max-width:28rem;padding:2rem}h1{font-size:1.25rem}pre{padding:.75rem 1rem;border:1px solid #8886;
border-radius:6px;font:14px ui-monospace,monospace}"""
_REFUSED = """<!doctype html><html lang="en"><meta charset="utf-8">
<meta name="viewport" content="width=device-width"><title>hpo</title><style>{style}</style>
<main><h1>This page opens by its link</h1><p>{reason}</p>
<p>For a new link, run this where the experiments are:</p><pre>hpo web</pre></main></html>"""


def allowed_names(host: str) -> Callable[[str], bool]:
    """Return what tells whether a name in ``Host`` is this server's, by the address that it listens on.

    Ports are not compared: one forwards them, with `ssh -L`, under other numbers. A name that an attacker
    binds to our address is still his name.
    """
    names = {"localhost", "127.0.0.1", "::1", host.lower()}
    is_anywhere = host in ("", "0.0.0.0", "::")  # noqa: S104 - compared, not bound
    if is_anywhere:
        names |= {socket.gethostname().lower(), socket.getfqdn().lower()}

    def is_allowed(name: str) -> bool:
        return name in names or (is_anywhere and _is_address(name))

    return is_allowed


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


def _host_name(host: str) -> str:
    """Return the name in a ``Host`` header, without port and brackets; nothing where it is no such header."""
    match = _HOST.fullmatch(host.lower())
    return (match["address"] or match["name"]) if match else ""


class Security:
    """Let through what may pass, with the headers that browsers need to keep it safe.

    Args:
        app: what lies behind the gate.
        access: the secrets.
        is_allowed: tells whether a name is this server's.
        port: it names the cookie, which browsers send to every port of a host.
    """

    def __init__(self, app: ASGIApp, access: Access, is_allowed: Callable[[str], bool], port: int) -> None:
        self._app, self._access, self._is_allowed = app, access, is_allowed
        self._cookie = f"hpo_{port}"

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
        elif scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1008})  # there are none
        elif scope["type"] == "http":
            refusal = self._refusal(scope)
            if refusal is not None:
                await refusal(scope, receive, _with_headers(send))
            else:
                await self._app(scope, _limited(receive), _with_headers(send))

    def _refusal(self, scope: Scope) -> Response | None:
        """Return the answer to a request that may not pass, or that asks to be let in."""
        headers = Headers(scope=scope)
        reason = self._foreign(headers)
        if reason is not None:
            return _refused(scope, 403, reason)
        if scope["path"] == "/enter" and scope["method"] == "GET":
            return self._enter(scope)
        if not self._is_known(headers):
            reason = "No valid cookie came with the request. Programs send the token in `Authorization`."
            return _refused(scope, 401, reason)
        if scope["method"] not in _SAFE:
            return _unfit(headers, bare=scope["method"] == "DELETE")
        return None

    def _foreign(self, headers: Headers) -> str | None:
        """Return why a request comes from somewhere else."""
        hosts = headers.getlist("host")
        host = hosts[0] if len(hosts) == 1 else ""
        if not self._is_allowed(_host_name(host)):
            return "This server has another name: open it under the address that was printed."
        if any(origin not in (f"http://{host}", f"https://{host}") for origin in headers.getlist("origin")):
            return "The request comes from another page."
        if headers.get("sec-fetch-site", "none") not in ("same-origin", "none"):
            return "The request comes from another site: paste the address into the address bar."
        return None

    def _is_known(self, headers: Headers) -> bool:
        kind, _, token = headers.get("authorization", "").partition(" ")
        if kind:
            return kind.lower() == "bearer" and self._access.knows_token(token.strip())
        return any(map(self._access.knows_session, self._cookies(headers)))

    def _cookies(self, headers: Headers) -> Iterable[str]:
        """Yield what may be our cookie: others of this host, set by anybody, may be in any form."""
        for header in headers.getlist("cookie"):
            for pair in header.split(";"):
                name, _, value = pair.strip().partition("=")
                if name == self._cookie:
                    yield value

    def _enter(self, scope: Scope) -> Response:
        """Exchange the code of a link for the cookie."""
        query = parse_qs(scope["query_string"].decode("latin-1"))
        name = query.get("to", [""])[0]
        target = f"/e/{name}" if EXPERIMENT.fullmatch(name) else "/"
        response = RedirectResponse(target, status_code=303)
        if self._access.redeem(query.get("code", [""])[0]):
            response.set_cookie(
                self._cookie,
                self._access.session(),
                max_age=int(SESSIONS_LAST),
                httponly=True,
                samesite="strict",
                path="/",
            )
        elif not self._is_known(Headers(scope=scope)):  # who was let in before may open the link again
            return _refused(scope, 401, "This link was used already, or it is more than a day old.")
        return response


def _unfit(headers: Headers, *, bare: bool) -> Response | None:
    """Return why a write cannot be taken; `bare` is one that needs no body, which no form can send."""
    length = headers.get("content-length", "0")
    is_json = headers.get("content-type", "").partition(";")[0].strip().lower() == "application/json"
    if not is_json and not (bare and length == "0" and "transfer-encoding" not in headers):
        return _error(415, "writes are JSON: send `Content-Type: application/json`")
    if not re.fullmatch("[0-9]{1,9}", length) or int(length) > _LARGEST_BODY:
        return _error(413, f"a body may have {_LARGEST_BODY} bytes")
    return None


def _error(status: int, message: str) -> Response:
    return JSONResponse({"error": message}, status_code=status)


def _refused(scope: Scope, status: int, reason: str) -> Response:
    """Return a refusal: a page for who opens one, else JSON."""
    if scope["path"].startswith("/api/") or "text/html" not in Headers(scope=scope).get("accept", ""):
        return _error(status, reason)
    digest = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()
    policy = f"default-src 'none'; style-src 'sha256-{digest}'; frame-ancestors 'none'"
    return HTMLResponse(
        _REFUSED.format(style=_STYLE, reason=reason),
        status_code=status,
        headers={"Content-Security-Policy": policy},
    )


def _limited(receive: Receive) -> Receive:
    """Return what gives an app the body up to the limit, whatever length was said or not said."""
    taken = 0

    async def limited() -> Message:
        nonlocal taken
        message = await receive()
        taken += len(message.get("body", b""))
        # Cut off, it is no JSON any more, and refused as such.
        return {**message, "body": b"", "more_body": False} if taken > _LARGEST_BODY else message

    return limited


def _with_headers(send: Send) -> Send:
    async def with_headers(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            for name, value in _HEADERS.items():
                headers.setdefault(name, value)
            headers.setdefault("Cache-Control", "no-store")
        await send(message)

    return with_headers
