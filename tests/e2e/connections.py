"""Connections that end in every way at every stage, at the licensing port.

  connections.py CERT KEY PORT_FILE http|https

Writes a license server's port to PORT_FILE, then waits for the proxy's port, process number and
status port in PORT_FILE.proxy. Behind each connection the proxy must answer a good request; behind
all of them it must hold no descriptor and no memory of theirs.
"""
import json
import os
import random
import socket
import sys
import threading
import time
import urllib.request

import hostile
import hostile_tls as t

TLS = sys.argv[4] == "https"
CLOSE = b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\nConnection: close\r\n\r\ngood"
BIG = 1048576
held = threading.Event()


def good(s, target):
    s.sendall(CLOSE)
    return hostile.end_tls(s)


def slow(s, target):
    """Answers when told to."""
    held.wait(5)
    return good(s, target)


def big(s, target):
    s.sendall(b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: %d\r\n\r\n" % BIG + b"x" * BIG)
    return hostile.end_tls(s)


server = hostile.Server(sys.argv[1], sys.argv[2], {"/big": big}, good)
PORT, PID, STATUS = server.tell_port(sys.argv[3])


def details():
    return json.load(urllib.request.urlopen("http://127.0.0.1:%d/v1/details" % STATUS, timeout=5))


def connections():
    return details()["clients"]["connections"]


def descriptors():
    """None where others may not look."""
    try:
        return len(os.listdir("/proc/%d/fd" % PID))
    except PermissionError:
        return None


def memory():
    with open("/proc/%d/status" % PID, encoding="ascii") as f:
        return [int(line.split()[1]) for line in f if line.startswith("VmRSS")][0]


class Plain:
    """What t.Peer is, without TLS."""

    def __init__(self):
        self.socket = hostile.connect(PORT, 5)

    def write(self, data):
        return data

    def read(self, until=None):
        got = b""
        try:
            while until is None or until not in got:
                data = self.socket.recv(65536)
                if not data:
                    return "end", got
                got += data
        except TimeoutError:
            return "silence", got
        except OSError:
            return "reset", got
        return "more", got

    def close(self):
        self.socket.close()


def opened():
    return t.client(PORT, 5).handshake() if TLS else Plain()


def request(target, fields=b"", method=b"GET"):
    return method + b" " + target + b" HTTP/1.1\r\nHost: a\r\n" + fields + b"\r\n"


def sends(data):
    """A stage that is reached by sending that over an open connection."""
    def reach():
        c = opened()
        hostile.send(c.socket, c.write(data) if data else b"")
        return c
    return reach


def waiting():
    target = "/slow/%d" % random.getrandbits(40)
    held.clear()
    server.script[target] = slow
    c = sends(request(target.encode()))()
    assert hostile.wait_for(5, lambda: any(seen[0] == target for seen in server.seen))
    return c


def answering():
    """The answer is larger than the kernel's buffers hold, and is not read."""
    c = opened()
    c.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
    hostile.send(c.socket, c.write(request(b"/big")))
    c.socket.recv(1, socket.MSG_PEEK)
    return c


def between():
    c = sends(request(b"/between"))()
    c.read(b"good")
    return c


def refused():
    c = sends(b"nonsense\r\n\r\n" + b"x" * 5000)()
    c.socket.recv(1, socket.MSG_PEEK)
    return c


def bytes_first(data):
    def reach():
        c = t.client(PORT, 5)
        hostile.send(c.socket, data(c))
        return c
    return reach


def mid_handshake(part):
    """Behind the server's flight, with part of what is due."""
    def reach():
        c = t.client(PORT, 5)
        hostile.send(c.socket, c.next_flight()[0])
        c.receive()
        flight = c.next_flight()[0]
        hostile.send(c.socket, flight[:int(len(flight) * part)])
        return c
    return reach


post = request(b"/post", b"Content-Length: 100\r\n", b"POST")
chunked = request(b"/post", b"Transfer-Encoding: chunked\r\n", b"POST")
stages = [
    ("silent", sends(b"")),
    ("in the request line", sends(b"GET /x")),
    ("in the head", sends(b"GET /x HTTP/1.1\r\nHost: a\r\nX: ")),
    ("in the body", sends(post + b"x" * 50)),
    ("in a chunk", sends(chunked + b"64\r\nxxx")),
    ("in a chunk's size", sends(chunked + b"6")),
    ("waiting to be told to go on", sends(request(b"/post", b"Content-Length: 100\r\nExpect: 100-continue\r\n", b"POST"))),
    ("waiting for the license server", waiting),
    ("while the answer is written", answering),
    ("between requests", between),
    ("after a refusal", refused),
    ("in the second of two requests", sends(request(b"/first") + b"GET /sec")),
]
if TLS:
    stages += [
        ("before TLS", lambda: t.client(PORT, 5)),
        ("after a byte of TLS", bytes_first(lambda c: b"\x16")),
        ("in the ClientHello", bytes_first(lambda c: c.next_flight()[0][:60])),
        ("behind the ClientHello", bytes_first(lambda c: c.next_flight()[0])),
        ("behind the server's flight", mid_handshake(0)),
        ("in the client's second flight", mid_handshake(0.5)),
        ("behind plain HTTP", bytes_first(lambda c: b"GET / HTTP/1.1\r\n\r\n")),
        ("behind nonsense", bytes_first(lambda c: b"\xff" * 100)),
    ]


def by_reset(c):
    hostile.reset(c.socket)


def by_close(c):
    c.socket.close()


def by_half(c):
    """The proxy must end its side too: no half-open connection waits for a deadline."""
    c.socket.shutdown(socket.SHUT_WR)
    c.socket.settimeout(4)
    held.set()
    try:
        while c.socket.recv(65536):
            pass
    except TimeoutError:
        return "the proxy keeps its half open"
    except OSError:
        pass
    c.socket.close()
    return None


def works():
    c = opened()
    hostile.send(c.socket, c.write(request(b"/works", b"Connection: close\r\n")))
    _, got = c.read()
    c.close()
    return got.startswith(b"HTTP/1.1 200 ") and got.endswith(b"good")


def quiet(seconds):
    return hostile.wait_for(seconds, lambda: connections() == 0)


def end_at(reach, end):
    c = reach()
    time.sleep(0.01)  # so that the proxy gets to the stage
    fault = end(c)
    if not works():
        return "the next request gets no answer"
    held.set()
    return fault or (None if quiet(5) else "%d connections are left" % connections())


works()
quiet(5)
start = min(descriptors() or 0 for _ in range(30) if time.sleep(0.02) is None) or None
for end_name, end_ in (("reset", by_reset), ("closed", by_close), ("half closed", by_half)):
    for stage, reach_ in stages:
        wrong = end_at(reach_, end_)
        hostile.tell(not wrong, "%s, %s: %s" % (sys.argv[4], end_name, stage), wrong)
hostile.tell(hostile.wait_for(5, lambda: descriptors() == start), "no descriptor is left", start, descriptors())

# ---- half closed, and yet an answer is due: over plain TCP the client may still read

if not TLS:
    for what, data in (("a request", request(b"/half")), ("a request with a body", post + b"x" * 100)):
        c = opened()
        hostile.send(c.socket, data)
        c.socket.shutdown(socket.SHUT_WR)
        how, got = c.read()
        c.close()
        hostile.tell(got.endswith(b"good") and how == "end", "%s, then half closed: answered" % what, how, got)

# ---- floods

first = {"silent": b"", "a byte": b"\x16", "half a hello": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(200),
         "a whole hello": t.record(t.HANDSHAKE, t.client_hello()), "bad HTTP": b"GET x HTTP/1.1\r\nHost: a\r\n\r\n", "noise": b"\xfe" * 300}


def flood(number, asked):
    """So many connections that are reset, and a request now and then."""
    kinds = list(first.values())
    address = ("127.0.0.1", PORT)
    for i in range(number):
        s = socket.socket()
        s.connect(address)
        if kinds[i % 6]:
            s.send(kinds[i % 6])
        hostile.reset(s)
        if i % (number // 5) == 0:
            asked.append(works())


FLOOD = int(os.environ.get("FLOOD", "10000"))
sizes = []
flood(FLOOD // 2, [])  # after which the pools are full
quiet(10)
for half in range(2):
    answers = []
    begun = time.monotonic()
    flood(FLOOD // 2, answers)
    took = time.monotonic() - begun
    hostile.tell(all(answers), "%d connections opened and reset: requests among them are answered" % (FLOOD // 2), answers)
    hostile.tell(quiet(10), "and none of them is left", connections())
    hostile.tell(hostile.wait_for(5, lambda: descriptors() == start), "nor a descriptor", start, descriptors())
    sizes.append(memory())
    print("# %.1f s, %d kB" % (took, sizes[-1]))
if "SAN" not in os.environ:
    hostile.tell(sizes[1] <= sizes[0] + 1000, "the second half takes up no more memory but pages that the allocator had", sizes)
    hostile.tell(sizes[1] < 12000, "which is under 12 MB", sizes)
