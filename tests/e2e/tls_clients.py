"""Clients that break TLS in every way, at the licensing port.

  tls_clients.py PORT CONTROL_URL

Whatever they do, the connection works or ends soon, with the fitting alert where one is due; none of
their requests reaches the license server by accident.
"""
import socket
import sys
import time
import urllib.request

import hostile
import hostile_tls as t

PORT, CONTROL = int(sys.argv[1]), sys.argv[2]
SOON = 4  # seconds; the handshake's own deadline is 15

REQUEST = b"GET %s HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"
cases = []


def raw(what, data, *alerts):
    """Bytes instead of a handshake; the alerts, one of which must come (None: the end is enough)."""
    cases.append((what, lambda: send_raw(data, alerts)))


def send_raw(data, alerts):
    s = hostile.connect(PORT, SOON)
    hostile.send(s, data)
    ended, got = hostile.read_all(s)
    s.close()
    told = [description for level, description in t.alerts(got) if level == 2]
    if not ended:
        return "the connection stays open"
    if None not in alerts and not set(told) & set(alerts):
        return "alerts %s" % told
    return None


def hello(**parts):
    return t.record(t.HANDSHAKE, t.client_hello(**parts), version=b"\x03\x01")


# ---- other versions and suites

raw("TLS 1.1 at most", hello(version=b"\x03\x02"), 70)
raw("TLS 1.0 at most", hello(version=b"\x03\x01"), 70)
raw("SSL 3.0 at most", hello(version=b"\x03\x00"), 70)
raw("a version that never was", hello(version=b"\x02\x00"), 70, None)
raw("TLS 1.1 as a fallback", hello(version=b"\x03\x02", suites=t.SUITES + (0x5600,)), 70, 86)
raw("SSL 2.0", b"\x80\x2e\x01\x03\x03\x00\x15\x00\x00\x00\x10" + bytes(35), None)
raw("RSA key exchange only", hello(suites=(0x009C, 0x009D, 0x002F, 0x0035)), 40)
raw("CBC suites only", hello(suites=(0xC009, 0xC00A, 0xC013, 0xC014, 0xC023, 0xC024)), 40)
raw("export, NULL and anonymous suites only", hello(suites=(0x0001, 0x0003, 0x0008, 0x0014, 0x003B, 0xC006, 0xC018, 0x0018)), 40)
raw("RC4 and triple DES only", hello(suites=(0x0004, 0x0005, 0x000A, 0xC007, 0xC008)), 40)
raw("no suite", hello(suites=()), 40, 50, 47, None)
raw("TLS 1.3's suites only", hello(suites=(0x1301, 0x1302, 0x1303)), 40)
raw("no curve in common", hello(extensions=t.extension(10, b"\x00\x02\x00\x01") + t.POINTS + t.ALGORITHMS), 40)
raw("SHA-1 and MD5 only", hello(extensions=t.GROUPS + t.POINTS + t.extension(13, b"\x00\x06\x02\x03\x02\x01\x01\x01")), 40, None)
raw("compression only", hello(compression=b"\x01"), 40, 47, None)

# ---- records

raw("garbage", b"\x16\x03\x01" + b"\xa5" * 200, None)
raw("zeros", bytes(5000), None)
raw("ones", b"\xff" * 5000, None)
raw("SSH", b"SSH-2.0-OpenSSH_9.2\r\n", 70, None)
raw("a record of an unknown type", t.record(99, b"abc"), None)
raw("data first", t.record(t.DATA, b"GET / HTTP/1.1\r\n\r\n"), None)
raw("a heartbeat first", t.record(24, b"\x01\xff\xff" + bytes(16)), None)
raw("ChangeCipherSpec first", t.record(t.CHANGE, b"\x01"), None)
raw("a record of 65,535 bytes", t.record(t.HANDSHAKE, bytes(65535)), None)
raw("a record of 2^14 + 2,049 bytes", t.record(t.HANDSHAKE, bytes(16384 + 2049)), None)
raw("a record of 2^14 + 1 bytes in clear", t.record(t.HANDSHAKE, t.message(1, bytes(16381))), None)
raw("a record of version 5.5", t.record(t.HANDSHAKE, t.client_hello(), version=b"\x05\x05"), None)
raw("10,000 empty records", t.record(t.HANDSHAKE, b"") * 10000 + t.record(99, b"x"), None)
raw("1,000 warnings", t.record(t.ALERT, b"\x01\x5a") * 1000 + t.record(99, b"x"), None)
raw("a fatal alert", t.record(t.ALERT, b"\x02\x28"), None)
raw("close_notify first", t.record(t.ALERT, b"\x01\x00"), None)
raw("an alert of three bytes", t.record(t.ALERT, b"\x01\x00\x00") + t.record(99, b"x"), None)

# ---- handshake messages

raw("an unknown handshake message", t.record(t.HANDSHAKE, t.message(77, b"abc")), None)
raw("a ServerHello", t.record(t.HANDSHAKE, t.server_hello()), None)
raw("Finished first", t.record(t.HANDSHAKE, t.message(20, bytes(12))), None)
raw("a Certificate first", t.record(t.HANDSHAKE, t.message(11, bytes(3))), None)
raw("a message of 16 MB", t.record(t.HANDSHAKE, t.message(1, bytes(16000), length=0xFFFFFF)) + t.record(t.HANDSHAKE, bytes(16000)) * 20, None)
raw("an empty ClientHello", t.record(t.HANDSHAKE, t.message(1, b"")), None)
raw("a session of 33 bytes", hello(session=bytes(33)), None)
raw("a session of 255 bytes", hello(session=bytes(255)), None)
raw("extensions longer than the message", t.record(t.HANDSHAKE, t.message(1, t.client_hello()[4:-4])), None)
raw("bytes behind the extensions", t.record(t.HANDSHAKE, t.message(1, t.client_hello()[4:] + b"abcd")), None)
raw("an extension longer than all of them", hello(extensions=b"\x00\x0a\xff\xff\x00\x01"), None)
raw("a server name longer than its extension", hello(extensions=t.GROUPS + t.POINTS + t.ALGORITHMS + t.extension(0, b"\x00\x0c\x00\x00\xff" + b"a" * 9)), None)
raw("a secure renegotiation that is none", hello(extensions=t.USUAL + t.extension(0xFF01, b"\x0c" + bytes(12))), 40, None)
raw("a ClientHello twice", hello() + hello(), 10, None)


def exchange(what, *rest):
    """A sound ClientHello; behind the server's flight comes the rest."""
    def run():
        s = hostile.connect(PORT, SOON)
        hostile.send(s, hello(suites=(0xC02B,), extensions=t.extension(10, b"\x00\x02\x00\x17") + t.POINTS + t.ALGORITHMS))
        got = s.recv(65536)
        if not t.records(got) or t.records(got)[0][0] != t.HANDSHAKE:
            return "no ServerHello"
        hostile.send(s, b"".join(rest))
        ended, got = hostile.read_all(s)
        s.close()
        if not ended:
            return "the connection stays open"
        if any(kind == t.CHANGE for kind, _ in t.records(got)):
            return "the handshake goes on"
        return None
    cases.append((what, run))


FINISH = t.record(t.CHANGE, b"\x01") + t.record(t.HANDSHAKE, bytes(40))


def key(point):
    return t.record(t.HANDSHAKE, t.message(16, bytes([len(point)]) + point))


exchange("a key exchange with the point at infinity", key(b"\x00"), FINISH)
exchange("a key exchange with zeros", key(b"\x04" + bytes(64)), FINISH)
exchange("a key exchange with a point beside the curve", key(b"\x04" + bytes(63) + b"\x07"), FINISH)
exchange("a key exchange with a compressed point", key(b"\x02" + bytes(32)), FINISH)
exchange("an empty key exchange", t.record(t.HANDSHAKE, t.message(16, b"")), FINISH)
exchange("a key exchange longer than its message", t.record(t.HANDSHAKE, t.message(16, b"\x41\x04")), FINISH)
exchange("no key exchange", FINISH)
exchange("Finished in clear", t.record(t.HANDSHAKE, t.message(20, bytes(12))))
exchange("data in clear", t.record(t.DATA, REQUEST % b"/clear"))
exchange("a certificate that nobody asked for", t.record(t.HANDSHAKE, t.message(11, bytes(3))), FINISH)
exchange("an alert in its midst", t.record(t.ALERT, b"\x02\x28"))
exchange("close_notify in its midst", t.record(t.ALERT, b"\x01\x00"))


# ---- what is odd and all the same right


def answered(c, target):
    how, data = c.read()
    c.close()
    answers = hostile.split_responses(data)
    if not answers or [a[0] for a in answers] != [200] or target not in data:
        return "%s, %r" % (how, data[:200])
    return None if how == "close_notify" else "it ends with %s" % how


def client(alpn=None):
    return t.client(PORT, SOON, alpn)


def byte_by_byte():
    c = client().handshake(step=1)
    hostile.send(c.socket, c.write(REQUEST % b"/works/bytes"), 1)
    return answered(c, b"/works/bytes")


def fragments(size):
    def run():
        c = client()
        flight, _ = c.next_flight()
        body = flight[5:]
        hostile.send(c.socket, b"".join(t.record(t.HANDSHAKE, body[i:i + size]) for i in range(0, len(body), size)))
        c.receive()
        c.handshake()
        hostile.send(c.socket, c.write(REQUEST % b"/works/fragments"))
        return answered(c, b"/works/fragments")
    return run


def records_of_a_byte():
    c = client().handshake()
    hostile.send(c.socket, b"".join(c.sealed(t.DATA, bytes([b])) for b in REQUEST % b"/works/records"))
    return answered(c, b"/works/records")


def empty_records():
    c = client().handshake()
    hostile.send(c.socket, b"".join(c.sealed(t.DATA, b"") for _ in range(500)) + c.sealed(t.DATA, REQUEST % b"/works/empty"))
    return answered(c, b"/works/empty")


def warnings_between():
    c = client().handshake()
    data = REQUEST % b"/works/warnings"
    hostile.send(c.socket, c.sealed(t.DATA, data[:9]) + b"".join(c.sealed(t.ALERT, b"\x01\x5a") for _ in range(50)) + c.sealed(t.DATA, data[9:]))
    return answered(c, b"/works/warnings")


def with_alpn(names):
    def run():
        c = client(names).handshake()
        hostile.send(c.socket, c.write(REQUEST % b"/works/alpn"))
        return answered(c, b"/works/alpn")
    return run


def offers(extensions):
    """Whether a ClientHello with these is answered by a ServerHello."""
    def run():
        s = hostile.connect(PORT, SOON)
        hostile.send(s, b"".join(t.record(t.HANDSHAKE, m) for m in chop(t.client_hello(extensions=extensions), 16000)))
        got = s.recv(65536)
        s.close()
        kinds = [(kind, body[:1]) for kind, body in t.records(got)]
        return None if kinds and kinds[0] == (t.HANDSHAKE, b"\x02") else "%s, %s" % (kinds, t.alerts(got))
    return run


def chop(data, size):
    return [data[i:i + size] for i in range(0, len(data), size)]


cases += [
    ("a handshake and a request byte by byte", byte_by_byte),
    ("a handshake in records of a byte, at once", fragments(1)),
    ("a handshake in records of seven bytes", fragments(7)),
    ("a request in records of a byte, at once", records_of_a_byte),
    ("500 empty records before a request", empty_records),
    ("50 warnings in the midst of a request", warnings_between),
    ("ALPN http/1.1", with_alpn(["http/1.1"])),
    ("ALPN h2 and http/1.1", with_alpn(["h2", "http/1.1"])),
    ("no server name", offers(t.GROUPS + t.POINTS + t.ALGORITHMS)),
    ("unknown extensions", offers(t.USUAL + b"".join(t.extension(k, b"abc") for k in (0x0A0A, 0xFAFA, 77, 65000)))),
    ("10 kB of extensions", offers(t.USUAL + t.extension(21, bytes(10000)))),
    ("60 kB of extensions", offers(t.USUAL + t.extension(21, bytes(60000)))),
    ("3,000 extensions", offers(t.USUAL + b"".join(t.extension(10000 + k, b"") for k in range(3000)))),
]


# ---- behind the handshake


def after(what, make, reasons, target=b"/never", count=0):
    """Records behind the handshake, made by hand. How openssl sees the connection end must be among
    reasons; the license server receives `count` requests for the target."""
    def run():
        c = client().handshake()
        hostile.send(c.socket, make(c))
        how, data = c.read()
        c.close()
        if data and not count:
            return "an answer: %r" % data
        return None if how in reasons else "it ends with %s" % how
    cases.append((what, run))


ask = REQUEST % b"/never"
after("a spoiled record", lambda c: c.sealed(t.DATA, ask, spoil=True), ("SSLV3_ALERT_BAD_RECORD_MAC", "end"))
after("a record again", lambda c: c.sealed(t.DATA, ask[:5]) + c.sealed(t.DATA, ask[:5], number=1), ("SSLV3_ALERT_BAD_RECORD_MAC", "end"))
after("a record left out", lambda c: c.sealed(t.DATA, ask, number=2), ("SSLV3_ALERT_BAD_RECORD_MAC", "end"))
after("data in clear behind the handshake", lambda c: t.record(t.DATA, ask), ("SSLV3_ALERT_BAD_RECORD_MAC", "TLSV1_ALERT_RECORD_OVERFLOW", "end"))
after("an alert in clear behind the handshake", lambda c: t.record(t.ALERT, b"\x01\x00"), ("SSLV3_ALERT_BAD_RECORD_MAC", "end"))
after("a record too short to be sealed", lambda c: t.record(t.DATA, b"abc"), ("SSLV3_ALERT_BAD_RECORD_MAC", "end"))
after("2^14 + 1 bytes in a sealed record", lambda c: c.sealed(t.DATA, ask + bytes(16385 - len(ask))), ("TLSV1_ALERT_RECORD_OVERFLOW", "end", "reset"))
after("a record of 65,535 bytes behind the handshake", lambda c: t.record(t.DATA, bytes(65535)), ("TLSV1_ALERT_RECORD_OVERFLOW", "end", "reset"))
after("a sealed record of an unknown type", lambda c: c.sealed(99, b"abc"), ("SSLV3_ALERT_UNEXPECTED_MESSAGE", "end"))
after("a sealed ChangeCipherSpec", lambda c: c.sealed(t.CHANGE, b"\x01"), ("SSLV3_ALERT_UNEXPECTED_MESSAGE", "end"))
after("Finished again", lambda c: c.sealed(t.HANDSHAKE, t.message(20, bytes(12))), ("SSLV3_ALERT_UNEXPECTED_MESSAGE", "end", "NO_RENEGOTIATION"))
after("a HelloRequest from a client", lambda c: c.sealed(t.HANDSHAKE, t.message(0, b"")), ("SSLV3_ALERT_UNEXPECTED_MESSAGE", "end", "NO_RENEGOTIATION"))
after("a fatal alert behind the handshake", lambda c: c.sealed(t.ALERT, b"\x02\x50"), ("end",))
after("a request behind close_notify", lambda c: c.sealed(t.ALERT, b"\x01\x00") + c.sealed(t.DATA, ask), ("close_notify",))
after("half a request, then close_notify", lambda c: c.sealed(t.DATA, ask[:-2]) + c.sealed(t.ALERT, b"\x01\x00"), ("close_notify",))
after("half a request, then a fatal alert", lambda c: c.sealed(t.DATA, ask[:-2]) + c.sealed(t.ALERT, b"\x02\x50"), ("end",))


def renegotiation(again):
    """A ClientHello inside: refused by a warning, as often as it comes; the request is answered."""
    def run():
        c = client().handshake()
        hostile.send(c.socket, b"".join(c.sealed(t.HANDSHAKE, t.client_hello(extensions=t.USUAL + t.extension(0xFF01, b"\x0c" + bytes(12)))) for _ in range(again)))
        hostile.send(c.socket, c.sealed(t.DATA, REQUEST % b"/works/renegotiation"))
        how, data = c.read()
        c.close()
        if how == "NO_RENEGOTIATION":  # openssl takes the warning for an end
            return None
        return None if data and how == "close_notify" else "%s, %r" % (how, data)
    return run


cases += [("a renegotiation", renegotiation(1)), ("20 of them", renegotiation(20))]


def no_close_notify():
    """A request that is whole is answered; one cut by the connection's end is not passed on."""
    c = client().handshake()
    hostile.send(c.socket, c.write(b"POST /never HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhell"))
    c.socket.shutdown(socket.SHUT_WR)
    how, data = c.read()
    c.close()
    return None if not data and how in ("end", "reset", "close_notify") else "%s, %r" % (how, data)


cases.append(("a request cut without close_notify", no_close_notify))


def timed(run):
    start = time.monotonic()
    try:
        fault = run()
    except (OSError, ValueError) as e:
        fault = repr(e)
    took = time.monotonic() - start
    return fault or ("it took %.1f s" % took if took > SOON else None)


begun = time.monotonic()
faults = hostile.in_parallel([lambda c=c: timed(c[1]) for c in cases], 3)
for (what, _), fault in zip(cases, faults):
    hostile.tell(not fault, what, fault)
seen = urllib.request.urlopen(CONTROL + "/requests").read()
targets = [line.split(b" ")[1] for line in seen.split(b"\r\n") if line.startswith((b"GET ", b"POST "))]
hostile.tell(b"GET /clear" not in seen and b" /never " not in seen, "nothing of them reached the license server", seen)
print("# %d cases, %.1f s" % (len(cases), time.monotonic() - begun))
