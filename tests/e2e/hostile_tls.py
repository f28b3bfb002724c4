"""TLS 1.2 by hand, for the hostile tests: hellos in any form, and records sealed as one likes behind a
handshake that openssl made."""
import hashlib
import hmac
import os
import re
import ssl
import struct
import tempfile

import hostile

ALERT, HANDSHAKE, DATA, CHANGE = 21, 22, 23, 20


def record(kind, data, version=b"\x03\x03", length=None):
    return struct.pack("!B2sH", kind, version, len(data) if length is None else length) + data


def message(kind, body, length=None):
    return bytes([kind]) + (len(body) if length is None else length).to_bytes(3, "big") + body


def extension(kind, body):
    return struct.pack("!HH", kind, len(body)) + body


GROUPS = extension(10, b"\x00\x06\x00\x1d\x00\x17\x00\x18")
POINTS = extension(11, b"\x01\x00")
ALGORITHMS = extension(13, b"\x00\x06\x04\x03\x08\x04\x04\x01")
NAME = extension(0, b"\x00\x0c\x00\x00\x09localhost")
USUAL = GROUPS + POINTS + ALGORITHMS + NAME
SUITES = (0xC02B, 0xC02F, 0xCCA9, 0xCCA8, 0xC02C, 0xC030)


def client_hello(version=b"\x03\x03", session=b"", suites=SUITES, compression=b"\x00", extensions=USUAL):
    body = version + os.urandom(32) + bytes([len(session)]) + session
    body += struct.pack("!H", 2 * len(suites)) + b"".join(struct.pack("!H", s) for s in suites)
    body += bytes([len(compression)]) + compression
    if extensions is not None:
        body += struct.pack("!H", len(extensions)) + extensions
    return message(1, body)


def server_hello(version=b"\x03\x03", session=b"", suite=0xC02B, compression=0, extensions=b"\xff\x01\x00\x01\x00"):
    body = version + os.urandom(32) + bytes([len(session)]) + session + struct.pack("!HB", suite, compression)
    return message(2, body + struct.pack("!H", len(extensions)) + extensions)


def records(data):
    """Splits what was received into (kind, data); what is left over is dropped."""
    out = []
    while len(data) >= 5 and len(data) >= 5 + struct.unpack("!H", data[3:5])[0]:
        n = 5 + struct.unpack("!H", data[3:5])[0]
        out.append((data[0], data[5:n]))
        data = data[n:]
    return out


def alerts(data):
    return [tuple(body) for kind, body in records(data) if kind == ALERT and len(body) == 2]


# ---- ChaCha20-Poly1305 (RFC 8439)


def rotate(x, n):
    return (x << n | x >> 32 - n) & 0xFFFFFFFF


def quarter(s, a, b, c, d):
    for x, y, z, n in ((a, b, d, 16), (c, d, b, 12), (a, b, d, 8), (c, d, b, 7)):
        s[x] = s[x] + s[y] & 0xFFFFFFFF
        s[z] = rotate(s[z] ^ s[x], n)


def chacha_block(key, counter, nonce):
    start = list(struct.unpack("<16I", b"expand 32-byte k" + key + struct.pack("<I", counter) + nonce))
    s = start[:]
    for _ in range(10):
        for a in range(4):
            quarter(s, a, a + 4, a + 8, a + 12)
        for a in range(4):
            quarter(s, a, (a + 1) % 4 + 4, (a + 2) % 4 + 8, (a + 3) % 4 + 12)
    return struct.pack("<16I", *((x + y) & 0xFFFFFFFF for x, y in zip(s, start)))


def poly1305(key, data):
    r = int.from_bytes(key[:16], "little") & 0x0FFFFFFC0FFFFFFC0FFFFFFC0FFFFFFF
    sum_ = 0
    for i in range(0, len(data), 16):
        sum_ = (sum_ + int.from_bytes(data[i:i + 16] + b"\x01", "little")) * r % ((1 << 130) - 5)
    return (sum_ + int.from_bytes(key[16:], "little") & (1 << 128) - 1).to_bytes(16, "little")


def seal(key, nonce, more, text):
    stream = b"".join(chacha_block(key, 1 + i, nonce) for i in range((len(text) + 63) // 64))
    hidden = bytes(a ^ b for a, b in zip(text, stream))
    padded = more + bytes(-len(more) % 16) + hidden + bytes(-len(hidden) % 16)
    return hidden + poly1305(chacha_block(key, 0, nonce)[:32], padded + struct.pack("<QQ", len(more), len(hidden)))


# ---- a connection


class Peer:
    """A connection whose handshake openssl makes, of which each step is the caller's."""

    def __init__(self, sock, context, server_side=False):
        handle, self.keys = tempfile.mkstemp()
        os.close(handle)
        context.keylog_filename = self.keys
        context.maximum_version = ssl.TLSVersion.TLSv1_2
        context.set_ciphers("ECDHE-ECDSA-CHACHA20-POLY1305")
        self.incoming, self.outgoing, self.sent, self.got = ssl.MemoryBIO(), ssl.MemoryBIO(), b"", b""
        self.tls = context.wrap_bio(self.incoming, self.outgoing, server_side,
                                    None if server_side else "localhost")
        self.socket, self.is_server, self.number = sock, server_side, 1

    def next_flight(self):
        """What is to be sent now; whether the handshake is complete."""
        done = True
        try:
            self.tls.do_handshake()
        except ssl.SSLWantReadError:
            done = False
        data = self.outgoing.read()
        self.sent += data
        return data, done

    def receive(self):
        data = self.socket.recv(65536)
        self.got += data
        self.incoming.write(data)
        if not data:
            self.incoming.write_eof()
        return data

    def handshake(self, step=0):
        while True:
            flight, done = self.next_flight()
            hostile.send(self.socket, flight, step)
            if done:
                return self
            self.receive()

    def derive(self):
        with open(self.keys, encoding="ascii") as f:
            master = bytes.fromhex(re.search(r"CLIENT_RANDOM \w+ (\w+)", f.read()).group(1))
        client, server = (self.got, self.sent) if self.is_server else (self.sent, self.got)
        hello = [r for r in records(server) if r[0] == HANDSHAKE][0][1]
        seed = b"key expansion" + hello[6:38] + client[11:43]
        block, a = b"", seed
        while len(block) < 88:
            a = hmac.digest(master, a, hashlib.sha256)
            block += hmac.digest(master, a + seed, hashlib.sha256)
        self.key, self.iv = (block[32:64], block[76:88]) if self.is_server else (block[:32], block[64:76])

    def sealed(self, kind, data, number=None, spoil=False):
        """One record by hand: from the first on all must be."""
        if self.number == 1:
            self.derive()
        number = self.number if number is None else number
        self.number += 1
        nonce = bytes(a ^ b for a, b in zip(self.iv, struct.pack("!IQ", 0, number)))
        body = seal(self.key, nonce, struct.pack("!QB2sH", number, kind, b"\x03\x03", len(data)), data)
        return record(kind, bytes([body[0] ^ 1]) + body[1:] if spoil else body)

    def read(self, until=None):
        """What the peer says until it ends, or those bytes came: how it ended; its data."""
        data = b""
        while until is None or until not in data:
            try:
                more = self.tls.read(65536)
                if not more:
                    return "close_notify", data
                data += more
            except ssl.SSLWantReadError:
                try:
                    if not self.receive():
                        return "end", data
                except TimeoutError:
                    return "silence", data
                except OSError:
                    return "reset", data
            except ssl.SSLEOFError:
                return "end", data
            except ssl.SSLZeroReturnError:
                return "close_notify", data
            except ssl.SSLError as e:
                return e.reason or str(e), data
        return "more", data

    def write(self, data):
        self.tls.write(data)
        return self.outgoing.read()

    def close(self):
        os.unlink(self.keys)
        self.socket.close()


def client(port, seconds, alpn=None):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    if alpn:
        context.set_alpn_protocols(alpn)
    return Peer(hostile.connect(port, seconds), context)
