#!/usr/bin/python3
"""Clients that hold connections, for the tests of bounds: many silent ones, slow ones, aborted
handshakes; and a good one beside them. Addresses of this machine (127.x.y.z) are the hosts.

  hold.py silent PORT COUNT HOSTS         opens them, says so, and keeps them until its input ends
  hold.py siege PORT SECONDS              idle, slow and aborted ones; says how many there were
  hold.py good PORT STATUS_PORT SECONDS   one relay after another, and /livez; says how they went
  hold.py deadlines PORT NAME...          says when each was cut off, and how
"""
import asyncio
import socket
import ssl
import sys
import time

CONTEXT = ssl.create_default_context()
CONTEXT.check_hostname = False
CONTEXT.verify_mode = ssl.CERT_NONE
IDLE_SILENT, IDLE_OPEN = 1700, 300
SLOW_HEADS, SLOW_BODIES, SLOW_HANDSHAKES = 100, 50, 50
ABORTS_PER_SECOND = 50
HEAD = b"GET /v1/%s HTTP/1.1\r\nHost: a\r\n\r\n"
SLOW_BODY = b"POST /v1/slow HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\n"


def hello():
    """A ClientHello."""
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    try:
        CONTEXT.wrap_bio(incoming, outgoing).do_handshake()
    except ssl.SSLWantReadError:
        pass
    return outgoing.read()


def say(*words):
    print(*words, flush=True)


async def until(condition):
    while not condition():
        await asyncio.sleep(0.01)


# ---- many that are silent -------------------------------------------------------------------


def silent(port, count, hosts):
    held = []
    for i in range(count):
        s = socket.socket()
        s.bind((f"127.1.{i % hosts}.1", 0))
        s.connect(("127.0.0.1", port))
        held.append(s)
        if i % 100 == 0:
            time.sleep(0.005)
    say("held", len(held))
    sys.stdin.read()


# ---- a siege --------------------------------------------------------------------------------


class Siege:
    def __init__(self, port, seconds):
        self.port, self.end = port, time.monotonic() + seconds
        self.count = {"aborted": 0, "opened": 0, "failed": 0, "held": 0, "least": 1 << 30}

    def over(self):
        return time.monotonic() >= self.end

    async def hold(self, tls, host, chunks):
        """Opens one after another; on each, says one of the chunks a second."""
        while not self.over():
            try:
                reader, writer = await asyncio.wait_for(
                    asyncio.open_connection("127.0.0.1", self.port, ssl=CONTEXT if tls else None,
                                            local_addr=(host, 0)), 20)
            except (OSError, asyncio.TimeoutError):
                self.count["failed"] += 1
                await asyncio.sleep(0.5)
                continue
            self.count["opened"] += 1
            self.count["held"] += 1
            try:
                await self.dribble(reader, writer, chunks)
            except (OSError, asyncio.TimeoutError):
                pass
            self.count["held"] -= 1
            writer.transport.abort()

    async def dribble(self, reader, writer, chunks):
        for chunk in chunks:
            writer.write(chunk)
            try:
                if not await asyncio.wait_for(reader.read(65536), min(1, self.left())):
                    return
            except asyncio.TimeoutError:
                pass
            if self.over():
                return
        await asyncio.wait_for(reader.read(65536), self.left())

    def left(self):
        return max(self.end - time.monotonic(), 0.01)

    async def abort(self, first):
        """A handshake up to the server's part of it, the dearest one, then a reset."""
        try:
            reader, writer = await asyncio.open_connection("127.0.0.1", self.port,
                                                           local_addr=("127.2.0.3", 0))
            writer.write(first)
            await asyncio.wait_for(reader.read(65536), 10)
            writer.transport.abort()
            self.count["aborted"] += 1
        except (OSError, asyncio.TimeoutError):
            self.count["failed"] += 1

    async def run(self):
        first, tasks = hello(), []
        dribble = [b"GET /v1/slow HTTP/1.1\r\n"] + [b"X"] * 100
        kinds = [(IDLE_SILENT, False, "127.2.0.1", []),
                 (IDLE_OPEN, True, "127.2.0.1", [HEAD % b"idle"]),
                 (SLOW_HEADS, True, "127.2.0.2", dribble),
                 (SLOW_BODIES, True, "127.2.0.2", [SLOW_BODY] + [b"X"] * 100),
                 (SLOW_HANDSHAKES, False, "127.2.0.2", [first[:10]] + [b"X"] * 100)]
        for count, tls, host, chunks in kinds:
            for _ in range(count):
                tasks.append(asyncio.ensure_future(self.hold(tls, host, chunks)))
                await asyncio.sleep(0.001)
        all_of_them = len(tasks)
        await until(lambda: self.count["held"] > all_of_them * 0.95)
        say("ready")
        while not self.over():
            tasks.append(asyncio.ensure_future(self.abort(first)))
            self.count["least"] = min(self.count["least"], self.count["held"])
            await asyncio.sleep(1 / ABORTS_PER_SECOND)
        await asyncio.gather(*tasks)
        for name, value in self.count.items():
            say(name, value)


# ---- a good client --------------------------------------------------------------------------


async def ask(port, path, tls):
    """Milliseconds of a request on a connection of its own, and whether it was answered well."""
    start = time.monotonic()
    answer, writer = b"", None
    try:
        reader, writer = await asyncio.open_connection("127.0.0.1", port,
                                                       ssl=CONTEXT if tls else None)
        writer.write(b"GET %s HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n" % path)
        answer = await asyncio.wait_for(reader.read(), 20)
    except (OSError, asyncio.TimeoutError):
        pass
    taken = (time.monotonic() - start) * 1000
    if writer:
        writer.transport.abort()
    return taken, answer.startswith(b"HTTP/1.1 200 ")


async def ask_often(name, port, path, tls, seconds, pause):
    end = time.monotonic() + seconds
    times, good = [], 0
    while time.monotonic() < end:
        taken, well = await ask(port, path, tls)
        times.append(taken)
        good += well
        await asyncio.sleep(pause)
    times.sort()
    say(name, len(times), good, *(int(times[int(len(times) * q)]) for q in (0.5, 0.95, 0.99)))


async def good(port, status_port, seconds):
    await asyncio.gather(ask_often("relays", port, b"/v1/good", True, seconds, 0.2),
                         ask_often("livez", status_port, b"/livez", False, seconds, 0.1))


# ---- deadlines ------------------------------------------------------------------------------


async def deadline(name, port, tls, first, dribble, reads):
    """How long it takes until it is cut off, and what was said to it then."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port, ssl=CONTEXT if tls else None,
                                                   limit=1024)
    start, answer = time.monotonic(), b""
    writer.write(first)
    try:
        while time.monotonic() - start < 100:
            if dribble:
                writer.write(dribble)
            if reads:
                try:
                    more = await asyncio.wait_for(reader.read(1000), 0.5)
                    answer += more
                    if not more:
                        break
                except asyncio.TimeoutError:
                    pass
            else:
                # The end of a connection on which nothing is read shows when it is written to.
                await asyncio.sleep(0.5)
                if writer.transport.is_closing():
                    break
    except OSError:
        pass
    writer.transport.abort()
    words = answer.split(b" ")
    say(name, int((time.monotonic() - start) * 1000),
        words[1].decode() if len(words) > 1 and answer.startswith(b"HTTP") else "none")


async def deadlines(port, names):
    cases = {
        "handshake": (False, hello()[:10], b"X", True),
        "silence": (False, b"", b"", True),
        "head": (True, b"GET /v1/slow HTTP/1.1\r\n", b"X: y\r\n", True),
        "body": (True, SLOW_BODY, b"X", True),
        "read": (True, HEAD % b"large" * 20, b"", False),
    }
    await asyncio.gather(*(deadline(name, port, *cases[name]) for name in names))


def main(what, *args):
    if what == "silent":
        silent(*map(int, args))
    elif what == "siege":
        asyncio.run(Siege(*map(int, args)).run())
    elif what == "good":
        asyncio.run(good(*map(int, args)))
    elif what == "deadlines":
        asyncio.run(deadlines(int(args[0]), args[1:]))


main(*sys.argv[1:])
