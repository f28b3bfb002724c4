#!/usr/bin/python3
"""Clients that hold connections, for the tests of bounds: many silent ones, slow ones, aborted
handshakes; and a good one beside them. Addresses of this machine (127.x.y.z) are the hosts.

  hold.py silent PORT COUNT HOSTS         opens them, says so, and keeps them until its input ends
  hold.py served PORT COUNT               the same over TLS, after an answer on each; says then
                                          which of them were closed meanwhile
  hold.py siege PORT SECONDS              idle, slow and aborted ones; says when the former are
                                          there, and after that time how many there were
  hold.py good PORT STATUS_PORT CALM_PORT SECONDS
                                          one relay after another, and /livez, also of another proxy
                                          that nobody besieges; says how they went
  hold.py deadlines PORT NAME...          says when each was cut off, and how
  hold.py bytes PORT                      says what is answered to requests that come whole, and to
                                          the same ones byte by byte
"""
import asyncio
import random
import select
import socket
import ssl
import sys
import time

CONTEXT = ssl.create_default_context()
CONTEXT.check_hostname = False
CONTEXT.verify_mode = ssl.CERT_NONE
IDLE_SILENT, IDLE_OPEN = 2000, 200
SLOW_HEADS, SLOW_BODIES, SLOW_HANDSHAKES = 110, 60, 60
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


# ---- many that are silent, or at rest -------------------------------------------------------


def keep(held):
    say("held", len(held))
    sys.stdin.read()


def silent(port, count, hosts):
    held = []
    for i in range(count):
        s = socket.socket()
        s.bind((f"127.1.{i % hosts}.1", 0))
        s.connect(("127.0.0.1", port))
        held.append(s)
        if i % 100 == 0:
            time.sleep(0.005)
    keep(held)


def served(port, count):
    held = []
    for i in range(count):
        s = CONTEXT.wrap_socket(socket.create_connection(("127.0.0.1", port)))
        s.sendall(b"POST /v1/held HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n{}")
        answer = b""
        while b"\r\n\r\n" not in answer:
            part = s.recv(65536)
            if not part:
                sys.exit(f"connection {i} was closed")
            answer += part
        head, _, body = answer.partition(b"\r\n\r\n")
        length = next(int(line.split(b":")[1]) for line in head.lower().split(b"\r\n")
                      if line.startswith(b"content-length:"))
        while len(body) < length:
            body += s.recv(65536)
        held.append(s)
    keep(held)
    for s in held:
        s.setblocking(False)
        try:
            say("closed" if s.recv(1) == b"" else "unasked")
        except ssl.SSLWantReadError:
            pass


# ---- a siege --------------------------------------------------------------------------------


class Siege:
    def __init__(self, port, seconds):
        self.port, self.seconds, self.end = port, seconds, time.monotonic() + 1000
        self.count = {"aborted": 0, "opened": 0, "failed": 0, "held": 0, "least": 1 << 30}

    def over(self):
        return time.monotonic() >= self.end

    def hold_silent(self, loop, first=True):
        """Opens one after another, and says nothing. The first one is kept for any time, so that
        they don't all end at once."""
        s = socket.socket()
        s.bind(("127.2.0.1", 0))
        s.connect(("127.0.0.1", self.port))
        timer = loop.call_later(random.uniform(1, 14), lambda: ended()) if first else None

        def ended():
            loop.remove_reader(s.fileno())
            s.close()
            if timer:
                timer.cancel()
            self.count["held"] -= 1
            if not self.over():
                self.hold_silent(loop, False)

        loop.add_reader(s.fileno(), ended)
        self.count["opened"] += 1
        self.count["held"] += 1

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
        kinds = [(IDLE_OPEN, True, "127.2.0.1", []),
                 (SLOW_HEADS, True, "127.2.0.2", dribble),
                 (SLOW_BODIES, True, "127.2.0.2", [SLOW_BODY] + [b"X"] * 100),
                 (SLOW_HANDSHAKES, False, "127.2.0.2", [first[:10]] + [b"X"] * 100)]
        for count, tls, host, chunks in kinds:
            for _ in range(count):
                tasks.append(asyncio.ensure_future(self.hold(tls, host, chunks)))
                await asyncio.sleep(0.001)
        for _ in range(IDLE_SILENT):
            self.hold_silent(asyncio.get_running_loop())
            await asyncio.sleep(0.001)
        await until(lambda: self.count["held"] >= len(tasks) + IDLE_SILENT - 20)
        self.end = time.monotonic() + self.seconds
        say("ready")
        due = time.monotonic()
        while not self.over():
            due += 1 / ABORTS_PER_SECOND
            tasks.append(asyncio.ensure_future(self.abort(first)))
            self.count["least"] = min(self.count["least"], self.count["held"])
            await asyncio.sleep(max(due - time.monotonic(), 0))
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


async def ask_often(seconds, pause, path, tls, **ports):
    """Of all of the ports in turn."""
    end = time.monotonic() + seconds
    times, good = {name: [] for name in ports}, 0
    while time.monotonic() < end:
        for name, port in ports.items():
            taken, well = await ask(port, path, tls)
            times[name].append(taken)
            good += well
        await asyncio.sleep(pause)
    for name, each in times.items():
        each.sort()
        say(name, len(each), good // len(ports),
            *(int(each[int(len(each) * q)]) for q in (0.5, 0.95, 0.99)))


async def good(port, status_port, calm_port, seconds):
    await asyncio.gather(
        ask_often(seconds, 0.3, b"/v1/good", True, relays=port),
        ask_often(seconds, 0.12, b"/livez", False, livez=status_port, calm=calm_port))


# ---- deadlines ------------------------------------------------------------------------------


async def connect(port, tls, room=None):
    """room: for what is received and not read."""
    s = socket.socket()
    if room:
        s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, room)
    s.setblocking(False)
    await asyncio.get_running_loop().sock_connect(s, ("127.0.0.1", port))
    return await asyncio.open_connection(sock=s, ssl=CONTEXT if tls else None, limit=1024,
                                         server_hostname="localhost" if tls else None)


def is_cut(writer):
    poll = select.poll()
    poll.register(writer.get_extra_info("socket").fileno(), 0)
    return bool(poll.poll(0))


async def deadline(name, port, tls, first, dribble, reads):
    """How long it takes until it is cut off, and what was said to it then."""
    reader, writer = await connect(port, tls, None if reads else 4096)
    start, answer = time.monotonic(), b""
    writer.write(first)
    while time.monotonic() - start < 100:
        if not reads:
            # The end of a connection on which nothing is read.
            await asyncio.sleep(0.5)
            if is_cut(writer):
                break
            continue
        try:
            writer.write(dribble)
            more = await asyncio.wait_for(reader.read(1000), 0.5)
        except asyncio.TimeoutError:
            continue
        except OSError:
            break
        answer += more
        if not more:
            break
    taken = int((time.monotonic() - start) * 1000)
    writer.transport.abort()
    words = answer.split(b" ")
    say(name, taken, words[1].decode() if answer.startswith(b"HTTP/1.1 ") else "none")


async def deadlines(port, names):
    cases = {
        "silence": (False, b"", b"", True),
        "handshake": (False, hello()[:10], b"X", True),
        "head": (True, b"GET /v1/slow HTTP/1.1\r\n", b"X: y\r\n", True),
        "body": (True, SLOW_BODY, b"X", True),
        "chunked": (True, SLOW_BODY.replace(b"Content-Length: 100000", b"Transfer-Encoding: chunked"),
                    b"1\r\nX\r\n", True),
        "read": (True, HEAD % b"large" * 400, b"", False),
    }
    await asyncio.gather(*(deadline(name, port, *cases[name]) for name in names))


# ---- byte by byte ---------------------------------------------------------------------------

POST = b"POST /v1/%s HTTP/1.1\r\nHost: a\r\nConnection: close\r\n"
REQUESTS = [
    HEAD % b"plain" + HEAD % b"pipelined",
    POST % b"length" + b"Content-Length: 5\r\n\r\nhello",
    POST % b"chunks" + b"Transfer-Encoding: chunked\r\n\r\n2;a=b\r\nhe\r\n3\r\nllo\r\n0\r\nT: u\r\n\r\n",
    POST % b"both" + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nG",
    POST % b"two" + b"Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello!",
    POST % b"sign" + b"Content-Length: +5\r\n\r\nhello",
    POST % b"coding" + b"Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n",
    POST % b"chunk" + b"Transfer-Encoding: chunked\r\n\r\n0x5\r\nhello\r\n0\r\n\r\n",
    POST % b"overrun" + b"Transfer-Encoding: chunked\r\n\r\n2\r\nhello\r\n0\r\n\r\n",
    POST % b"fold" + b"X: a\r\n b\r\n\r\n",
    POST % b"lf" + b"X: a\nY: b\r\n\r\n",
    POST % b"cr" + b"X: a\rY: b\r\n\r\n",
    POST % b"nul" + b"X: a\0b\r\n\r\n",
    POST % b"colon" + b"X : a\r\n\r\n",
    b"GET  /v1/spaces HTTP/1.1\r\nHost: a\r\n\r\n",
    b"GET /v1/version HTTP/2.0\r\nHost: a\r\n\r\n",
    b"GET /v1/hosts HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
    b"\r\n" + HEAD % b"line",
]


async def exchange(port, parts):
    """What is answered to the parts, each of them a record: the status codes and bodies."""
    reader, writer = await connect(port, True)
    answer = b""
    try:
        for part in parts:
            writer.write(part)
            await asyncio.sleep(0)
        while True:
            more = await asyncio.wait_for(reader.read(65536), 1)
            answer += more
            if not more:
                break
    except (OSError, asyncio.TimeoutError):
        pass
    writer.transport.abort()
    return [line for line in answer.split(b"\r\n") if line.startswith((b"HTTP/1.1 ", b"{"))]


def known(line):
    """An answer's line without its serial number, which no other has."""
    return line.split(b",", 1)[1] if line.startswith(b'{"serial":') else line


async def bytewise(port):
    for request in REQUESTS:
        whole = await exchange(port, [request])
        single = await exchange(port, [request[i:i + 1] for i in range(len(request))])
        same = [known(x) for x in whole] == [known(x) for x in single] and whole
        first = whole[0].decode() if whole else "nothing"
        say("same" if same else "other", request.split(b"/v1/")[1].split(b" ")[0].decode(), first)


def main(what, *args):
    if what == "silent":
        silent(*map(int, args))
    elif what == "served":
        served(*map(int, args))
    elif what == "siege":
        asyncio.run(Siege(*map(int, args)).run())
    elif what == "good":
        asyncio.run(good(*map(int, args)))
    elif what == "deadlines":
        asyncio.run(deadlines(int(args[0]), args[1:]))
    elif what == "bytes":
        asyncio.run(bytewise(int(args[0])))


main(*sys.argv[1:])
