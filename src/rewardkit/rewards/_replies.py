"""What a client accepts of an endpoint's answers: no other origin, no more than some megabytes."""

from __future__ import annotations

import zlib
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from typing import Any

MAX_REPLY_BYTES = (
    1 << 23
)  # unpacked; a judge's choices take a hundred, its reasoning some thousands
# What is unpacked at once: a byte of gzip can unpack to a thousand.
_BLOCK_BYTES = 1 << 20
_GZIP_OR_ZLIB = 32 + zlib.MAX_WBITS
ACCEPTED = {"Accept-Encoding": "gzip"}
"""Headers of a request: other encodings would each need a bound of their own."""


class ReplyError(Exception):
    """An endpoint's answer that is not used, with the reason."""


def make_check(httpx: Any) -> Callable[[Any], Awaitable[None]]:
    """Return a hook that a client of `httpx` calls for each response before it reads it."""
    limited = _make_stream_class(httpx)

    async def check(response: Any) -> None:
        if response.has_redirect_location:
            _refuse_other_origin(response)
        encoding = response.headers.pop("Content-Encoding", "identity").strip().lower()
        if encoding not in ("identity", "gzip", "x-gzip", "deflate"):
            raise ReplyError(f"the reply has the encoding {encoding[:40]!r}, expected gzip")
        # Unpacked here, where its size is counted. The header is gone, so nobody does it again.
        response.stream = limited(response.stream, packed=encoding != "identity")

    return check


def _refuse_other_origin(response: Any) -> None:
    # The request holds the texts and, depending on the client, the key.
    sent, target = response.request.url, response.url.join(response.headers["Location"])
    if [target.scheme, target.host, target.port] != [sent.scheme, sent.host, sent.port]:
        origin = f"{target.scheme}://{target.host}"
        raise ReplyError(f"a redirect to another origin, {origin[:80]}; set base_url to it")


def _unpack_chunk(unpacker: Any, chunk: bytes) -> Iterator[bytes]:
    if unpacker is None:
        yield chunk
        return
    try:
        while chunk and not unpacker.eof:
            yield unpacker.decompress(chunk, _BLOCK_BYTES)
            chunk = unpacker.unconsumed_tail
    except zlib.error as error:
        raise ReplyError(f"the reply is broken gzip ({error})") from None


def _make_stream_class(httpx: Any) -> Any:
    class LimitedStream(httpx.AsyncByteStream):  # type: ignore[misc]
        """A response's bytes, unpacked; raises ReplyError beyond the limit."""

        def __init__(self, stream: Any, *, packed: bool) -> None:
            self._stream = stream
            self._unpacker = zlib.decompressobj(_GZIP_OR_ZLIB) if packed else None

        async def __aiter__(self) -> AsyncIterator[bytes]:
            size = 0
            async for chunk in self._stream:
                for block in _unpack_chunk(self._unpacker, chunk):
                    size += len(block)
                    if size > MAX_REPLY_BYTES:
                        raise ReplyError(f"the reply has more than {MAX_REPLY_BYTES:,} bytes")
                    yield block

        async def aclose(self) -> None:
            await self._stream.aclose()

    return LimitedStream
