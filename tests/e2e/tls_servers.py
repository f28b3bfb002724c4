"""License servers that break TLS in every way, to a proxy that speaks plain HTTP to its clients.

  tls_servers.py CERT KEY PORT_FILE

Writes the server's port to PORT_FILE, then waits for the proxy's in PORT_FILE.proxy. What a server
does is an outage, told in words, within the proxy's deadlines; or, where it is odd and all the same
right, its answer is taken.
"""
import re
import socket
import ssl
import sys
import threading
import time

import hostile
import hostile_tls as t

ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\nConnection: close\r\n\r\ngood"
SOON = 4  # seconds; the test sets the proxy's deadlines to 1 and 2
cases = []


def raw(what, data, words):
    """Bytes instead of a handshake, once the proxy has said hello. The words: how the outage is told."""
    def play(s):
        s.recv(65536)
        hostile.send(s, data)
        s.settimeout(5)
        hostile.read_all(s)
    cases.append((what, play, words))


def endless(what, data, words):
    def play(s):
        s.recv(65536)
        until = time.monotonic() + 6
        while time.monotonic() < until:
            s.sendall(data)
    cases.append((what, play, words))


BROKEN = "broke the TLS protocol|does not speak TLS|TLS record of impossible length|TLS alert"
hello = t.server_hello()

raw("garbage", b"\xa5" * 3000, "does not speak TLS")
raw("plain HTTP", b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n", "does not speak TLS")
raw("SSH", b"SSH-2.0-OpenSSH_9.2\r\n", "does not speak TLS")
raw("handshake_failure", t.record(t.ALERT, b"\x02\x28"), "handshake_failure")
raw("protocol_version", t.record(t.ALERT, b"\x02\x46"), "protocol_version")
raw("an unknown alert", t.record(t.ALERT, b"\x02\xee"), "alert of unknown meaning")
raw("close_notify", t.record(t.ALERT, b"\x01\x00"), "ended the TLS handshake")
raw("1,000 warnings, then nothing", t.record(t.ALERT, b"\x01\x70") * 1000, "too long|in time")
raw("a record of 65,535 bytes", t.record(t.HANDSHAKE, bytes(65535)), "impossible length")
raw("a record of an unknown type", t.record(99, b"abc"), BROKEN)
raw("data first", t.record(t.DATA, ANSWER), BROKEN)
raw("ChangeCipherSpec first", t.record(t.CHANGE, b"\x01"), BROKEN)
endless("empty records without end", t.record(t.HANDSHAKE, b"") * 100, "too long|in time")
endless("warnings without end", t.record(t.ALERT, b"\x01\x70") * 100, "too long|in time")
endless("HelloRequests without end", t.record(t.HANDSHAKE, t.message(0, b"")) * 100, BROKEN + "|too long|in time")
for version, name in ((b"\x03\x00", "SSL 3.0"), (b"\x03\x01", "TLS 1.0"), (b"\x03\x02", "TLS 1.1"), (b"\x03\x04", "TLS 1.3 as nobody says it"), (b"\x02\x00", "SSL 2.0")):
    raw(name, t.record(t.HANDSHAKE, t.server_hello(version=version)), "does not speak TLS 1.2")
for suite in (0x002F, 0xC009, 0xC013, 0x1301, 0x0000, 0x5600):
    raw("suite %04x, which was not offered" % suite, t.record(t.HANDSHAKE, t.server_hello(suite=suite)), "cipher suite that was not offered|" + BROKEN)
raw("compression", t.record(t.HANDSHAKE, t.server_hello(compression=1)), BROKEN)
raw("a session of 33 bytes", t.record(t.HANDSHAKE, t.server_hello(session=bytes(33))), BROKEN)
raw("an extension that was not asked for", t.record(t.HANDSHAKE, t.server_hello(extensions=t.extension(16, b"\x00\x03\x02h2"))), BROKEN)
raw("an extension longer than all of them", t.record(t.HANDSHAKE, t.server_hello(extensions=b"\xff\x01\xff\xff\x00")), "RFC 5746|" + BROKEN)
raw("a renegotiation from the start", t.record(t.HANDSHAKE, t.server_hello(extensions=t.extension(0xFF01, b"\x0c" + bytes(12)))), "RFC 5746|" + BROKEN)
raw("two ServerHellos", t.record(t.HANDSHAKE, hello * 2), BROKEN)
raw("a ClientHello", t.record(t.HANDSHAKE, t.client_hello()), BROKEN)
raw("ServerHelloDone without a certificate", t.record(t.HANDSHAKE, hello + t.message(14, b"")), BROKEN)
raw("no certificates", t.record(t.HANDSHAKE, hello + t.message(11, bytes(3))), BROKEN + "|no certificate")
raw("a certificate that is none", t.record(t.HANDSHAKE, hello + t.message(11, b"\x00\x00\x67\x00\x00\x64" + b"\xa5" * 100)), "certificate")
raw("a list of certificates shorter than its length", t.record(t.HANDSHAKE, hello + t.message(11, b"\x00\x00\x08\x00\xff\xff" + bytes(5))), BROKEN + "|certificate")
raw("4,000 empty certificates", t.record(t.HANDSHAKE, hello + t.message(11, (12000).to_bytes(3, "big") + bytes(12000))), BROKEN + "|certificate")
raw("a message of 16 MB", t.record(t.HANDSHAKE, hello + t.message(11, b"\xff\xff\xfc\xff\xff\xf9", length=0xFFFFFF)), "too long|in time|certificate")
endless("a certificate without end", t.record(t.HANDSHAKE, b"\x30\x82" + bytes(4094)), BROKEN)


def certificate_without_end(s):
    s.recv(65536)
    s.sendall(t.record(t.HANDSHAKE, hello + t.message(11, b"\xff\xff\xfc\xff\xff\xf9\x30\x84\x7f\xff\xff\xff", length=0xFFFFFF)))
    until = time.monotonic() + 6
    while time.monotonic() < until:
        s.sendall(t.record(t.HANDSHAKE, bytes(16000)))


cases.append(("a certificate of 16 MB", certificate_without_end, "certificate|too long|in time"))
cases.append(("nothing", lambda s: hostile.read_all(s), "too long|in time"))
cases.append(("the end at once", lambda s: s.recv(65536), "closed the connection during the TLS handshake"))
cases.append(("a reset", hostile.reset, "reset|closed"))


def dripped(s):
    s.recv(65536)
    for byte in t.record(t.HANDSHAKE, hello + t.message(11, bytes(3))):
        s.sendall(bytes([byte]))
        time.sleep(0.1)


cases.append(("a ServerHello byte by byte, too slowly", dripped, "too long|in time"))


# ---- behind the handshake


def peer(s):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(sys.argv[1], sys.argv[2])
    return t.Peer(s, context, True)


def after(what, make, words=None):
    """Records instead of an answer, made by hand; words None: the answer is taken."""
    def play(s):
        c = peer(s).handshake()
        c.read(b"\r\n\r\n")
        for data in make(c):
            s.sendall(data)
        # What the proxy says to it is not for OpenSSL, which would give up, and reset the connection.
        s.settimeout(5)
        try:
            while s.recv(65536):
                pass
        except OSError:
            pass
        c.close()
    cases.append((what, play, words))


def again(c, *parts):
    while True:
        yield b"".join(c.sealed(*p) for p in parts for _ in range(50))


def byte_by_byte(s):
    c = peer(s)
    c.handshake(step=1)
    c.read(b"\r\n\r\n")
    hostile.send(s, c.write(ANSWER), 1)
    c.read()
    c.close()


def fragments(s):
    """The handshake in records of a byte, all at once."""
    c = peer(s)
    c.receive()
    flight, _ = c.next_flight()
    out = b"".join(t.record(kind, body[i:i + 1]) for kind, body in t.records(flight) for i in range(len(body)))
    s.sendall(out)
    c.receive()
    c.handshake()
    c.read(b"\r\n\r\n")
    hostile.send(s, c.write(ANSWER))
    c.read()
    c.close()


HELLO_REQUEST = (t.HANDSHAKE, t.message(0, b""))
cases.append(("all byte by byte", byte_by_byte, None))
cases.append(("a handshake in records of a byte, at once", fragments, None))
after("an answer in records of a byte, at once", lambda c: [b"".join(c.sealed(t.DATA, bytes([b])) for b in ANSWER)])
after("500 empty records before an answer", lambda c: [b"".join(c.sealed(t.DATA, b"") for _ in range(500)) + c.sealed(t.DATA, ANSWER)])
after("50 warnings in the midst of an answer",
      lambda c: [c.sealed(t.DATA, ANSWER[:20]), b"".join(c.sealed(t.ALERT, b"\x01\x5a") for _ in range(50)), c.sealed(t.DATA, ANSWER[20:])])
after("a wish for renegotiation, then the answer", lambda c: [c.sealed(*HELLO_REQUEST) + c.sealed(t.DATA, ANSWER)])
after("20 of them in the midst of an answer",
      lambda c: [c.sealed(t.DATA, ANSWER[:20]) + b"".join(c.sealed(*HELLO_REQUEST) for _ in range(20)) + c.sealed(t.DATA, ANSWER[20:])])
after("wishes for renegotiation without end", lambda c: again(c, HELLO_REQUEST), "in time|TLS")
after("empty records without end, behind the handshake", lambda c: again(c, (t.DATA, b"")), "in time")
after("a ServerHello behind the handshake", lambda c: [c.sealed(t.HANDSHAKE, hello) + c.sealed(t.DATA, ANSWER)], BROKEN + "|TLS")
after("a spoiled record", lambda c: [c.sealed(t.DATA, ANSWER, spoil=True)], "bad MAC")
after("half an answer, then a spoiled record", lambda c: [c.sealed(t.DATA, ANSWER[:-2]) + c.sealed(t.DATA, ANSWER[-2:], spoil=True)], "bad MAC")
after("half an answer, then a fatal alert", lambda c: [c.sealed(t.DATA, ANSWER[:-2]) + c.sealed(t.ALERT, b"\x02\x50")], "internal_error")
after("half an answer, then close_notify", lambda c: [c.sealed(t.DATA, ANSWER[:-2]) + c.sealed(t.ALERT, b"\x01\x00")], "before the response was complete")
after("a body until close_notify in clear", lambda c: [c.sealed(t.DATA, b"HTTP/1.1 200 OK\r\n\r\ngood") + t.record(t.ALERT, b"\x01\x00")], "bad MAC|impossible length")
after("an answer in clear", lambda c: [t.record(t.DATA, ANSWER)], "bad MAC|impossible length")
after("2^14 + 1 bytes in a sealed record", lambda c: [c.sealed(t.DATA, ANSWER + bytes(16385 - len(ANSWER)))], "impossible length")
after("a sealed record of an unknown type", lambda c: [c.sealed(99, b"abc")], BROKEN)
after("a record left out", lambda c: [c.sealed(t.DATA, ANSWER, number=2)], "bad MAC")

playing = {"now": None}


def good(s):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(sys.argv[1], sys.argv[2])
    s = context.wrap_socket(s, server_side=True)
    s.recv(65536)
    s.sendall(ANSWER)
    hostile.end_tls(s)


def accept(listener):
    while True:
        s = listener.accept()[0]
        s.settimeout(10)
        s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        threading.Thread(target=serve, args=(s, playing["now"] or good), daemon=True).start()


def serve(s, play):
    try:
        play(s)
    except (OSError, ValueError):
        pass
    s.close()


def fetch(target):
    s = hostile.connect(PORT, 15)
    hostile.send(s, b"GET %s HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n" % target)
    answers = hostile.split_responses(hostile.read_all(s)[1])
    s.close()
    return answers[0] if answers and len(answers) == 1 else (0, [], b"")


def check(number):
    _, playing["now"], words = cases[number]
    start = time.monotonic()
    status, _, body = fetch(b"/tls/%d" % number)
    took = time.monotonic() - start
    playing["now"] = None
    if fetch(b"/good")[0] != 200:
        return "the next request gets no answer"
    if took > SOON:
        return "it took %.1f s" % took
    if words is None:
        return None if (status, body) == (200, b"good") else "%d %r" % (status, body)
    if status not in (502, 504) or not re.search(words.encode(), body):
        return "%d %r" % (status, body)
    return None


server = hostile.Server.__new__(hostile.Server)
listening = socket.create_server(("127.0.0.1", 0), backlog=50)
server.port = listening.getsockname()[1]
threading.Thread(target=accept, args=(listening,), daemon=True).start()
PORT = server.tell_port(sys.argv[3])[0]
begun = time.monotonic()
for i, (what_, _, _) in enumerate(cases):
    wrong = check(i)
    hostile.tell(not wrong, "a license server: " + what_, wrong)
print("# %d cases, %.1f s" % (len(cases), time.monotonic() - begun))
