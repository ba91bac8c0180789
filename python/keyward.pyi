"""Verifies Keyward's keys in the own process."""

import os
from typing import Callable, List, Optional, Sequence, final

class Refused(Exception):
    """The key is not valid for what was asked."""

    code: str
    """Why, in the words of ``POST /v1/keys/verify``: ``unknown``, ``suspended``, ``insufficient_scope``, ..."""

class Unavailable(Exception):
    """Nobody can tell now: there is no lease, or the server gives no answer. Neither valid nor invalid."""

class AskServer(Unavailable):
    """Only the server can tell: see ``Verifier.check``."""

@final
class Key:
    """A valid key."""

    @property
    def id(self) -> str: ...
    @property
    def account_id(self) -> str: ...
    @property
    def organization_id(self) -> str: ...
    @property
    def scopes(self) -> List[str]: ...
    @property
    def expires_at(self) -> Optional[int]:
        """From when on it is refused, Unix seconds; ``None`` if the server was asked."""
    def has_scope(self, scope: str) -> bool: ...

@final
class Removed:
    """What is no longer to be accepted, for now or for ever."""

    @property
    def key_id(self) -> Optional[str]:
        """The key; ``None``: every key of an account or an organization."""
    def concerns(self, key: Key) -> bool:
        """Whether it is this key, or an owner of it."""

@final
class Verifier:
    """A verifier in this process. Make it after ``fork``, not before: its thread stays with the parent."""

    def __new__(
        cls,
        url: str,
        secret: str,
        *,
        name: str,
        ca_file: "Optional[str | os.PathLike[str]]" = None,
        online: bool = False,
        serve_stale: bool = False,
        anchor: "Optional[str | os.PathLike[str]]" = None,
        log_key: Optional[str] = None,
        on_remove: Optional[Callable[[Removed], object]] = None,
    ) -> "Verifier":
        """Joins the server at ``url`` under this name, which no other verifier of the organization has.

        ``secret`` is that of a key with the scopes ``verifiers:join`` and ``keys:verify``. ``anchor`` is a file that
        remembers how far the server's log was, ``log_key`` the text of its ``log.pub``: with it no other log is believed.
        ``on_remove`` is called, on a thread of its own, with what is no longer to be accepted, before the removal is
        answered: it must be quick, and may call nothing here that waits (``check``, ``ready``, ``lapsed``, ``leave``:
        ``RuntimeError``). Raises ``ValueError`` for arguments that cannot be.
        """
    def ready(self, timeout: Optional[float] = None) -> None:
        """Waits until it may accept keys. Raises ``TimeoutError`` after so many seconds."""
    def lapsed(self, timeout: Optional[float] = None) -> None:
        """Waits until it may not accept keys, or might not for a while since this was called: removals were answered
        without it, so what is open is to end, whatever its key. Raises ``TimeoutError`` after so many seconds.
        """
    def verify(self, secret: str, scopes: Sequence[str] = (), address: Optional[str] = None) -> Key:
        """Judges a presented secret by what this process holds, without waiting for anything.

        Raises ``Refused``, ``Unavailable``, and ``AskServer`` for keys whose uses are counted.
        """
    def check(self, secret: str, scopes: Sequence[str] = (), address: Optional[str] = None) -> Key:
        """Judges a presented secret, and asks the server where only that can tell; other threads run meanwhile.

        Raises ``Refused`` and ``Unavailable``.
        """
    def leave(self) -> None:
        """Accepts nothing any more and says so to the server, so that no removal waits for it; ``with`` ends so."""
    def __enter__(self) -> "Verifier": ...
    def __exit__(self, *_raised: object) -> None: ...
    @property
    def is_available(self) -> bool:
        """Whether it may accept keys now."""
    @property
    def trouble(self) -> Optional[str]:
        """Why the last connection ended."""
    def __len__(self) -> int:
        """How many keys it holds."""
