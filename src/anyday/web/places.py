"""Which crew a request is about, and what its visitor may see of it.

An address may name the crew: ``/c/<crew>/…``. Where it does not, it is the token's crew, else the first one that the visitor joined, else
the file's first. Whoever may not see a crew is answered as if it were not there, so that nothing tells whether it is.
"""

from __future__ import annotations

import urllib.parse
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from anyday.web.session import Visitor

if TYPE_CHECKING:
    from anyday.service import Service

#: What stands before the crew's id in an address that names it.
PREFIX: Final = "/c/"
#: Addresses that are the server's, whichever crew they were asked under. ``see_other`` leaves them as they are.
WIDE: Final = ("/c/", "/sign-in", "/sign-out", "/setup/", "/join/", "/link/", "/oidc/", "/confirm/", "/unsubscribe/", "/static/")

_NAMED: Final = "anyday.crew"


class Place(NamedTuple):
    """A crew as a visitor may see it: its service, what stands before its addresses, and their role in it. ``found`` is false where the
    address names a crew that they may not see: then it is another one's, which the answer is framed by."""

    service: Service
    base: str
    role: str
    found: bool


def within(scope: Any) -> Any:
    """A request whose address names its crew, as one whose address does not; the name is kept beside it."""
    path: str = scope["path"]
    crew, _, rest = path[len(PREFIX) :].partition("/")
    return {**scope, "path": f"/{rest}", _NAMED: crew}


def asked_for(scope: Any) -> str:
    """The path of a request as it was asked for, ready to be put into an address."""
    named: str | None = scope.get(_NAMED)
    return urllib.parse.quote(scope["path"] if named is None else f"{PREFIX}{named}{scope['path']}", safe="/")


def readable(service: Service) -> bool:
    """Whether people who do not belong to the crew may read it."""
    return service.readable


def place_of(scope: Any, visitor: Visitor, first: Service) -> Place:
    """The place that a request is about. ``first`` is the service of the file's first crew."""
    named: str | None = scope.get(_NAMED)
    bound = visitor.crew  # a token is for one crew only
    home = bound or (first.first_of(visitor.player) if visitor.player is not None else None) or first.crew
    if named is None or (bound is not None and named != bound):
        return _home(home, visitor, first, found=named is None)
    service = first.of(named)
    if service is not None:
        role = _role(service, visitor)
        if role != "nobody" or readable(service):
            return Place(service, PREFIX + named, role, found=True)
    return _home(home, visitor, first, found=False)


def _home(crew: str, visitor: Visitor, first: Service, *, found: bool) -> Place:
    service = first if crew == first.crew else first.of(crew)
    if service is None:  # a token's crew that is not there
        return Place(first, "", "nobody", found=False)
    return Place(service, "", _role(service, visitor), found)


def _role(service: Service, visitor: Visitor) -> str:
    return service.role(visitor.player) if visitor.player is not None else "nobody"
