"""Answers that two readers might read differently, cut, or without end, from a license server to a
proxy that speaks plain HTTP to its clients.

  smuggling_responses.py CERT KEY PORT_FILE (the proxy's process number is in PORT_FILE.proxy, too)

Writes the server's port to PORT_FILE, then waits for the proxy's in PORT_FILE.proxy. Each answer is an outage
(502 or 504, and nothing is kept), or has the one reading that was meant; and whatever stands behind
it on the connection is never the answer to another request.
"""
import os
import re
import signal
import socket
import sys
import time

import hostile

OK = b"HTTP/1.1 200 OK\r\n"
GOOD = OK + b"Content-Length: 4\r\n\r\ngood"
POISON = OK + b"Content-Length: 6\r\n\r\npoison"
KEEP, CLOSE, CUT, RESET, HANG = "keep", "close", "cut", "reset", "hang"

cases = []


class Answer:
    def __init__(self, body=b"", status=200, absent=()):
        self.body, self.status, self.absent = body, status, absent


def case(what, data, wanted=None, end=KEEP, method=b"GET"):
    """wanted: None for an outage. data: bytes, or a function of the connection."""
    cases.append((what, data, wanted, end, method))


def ok(fields, body=b""):
    return OK + fields + b"\r\n" + body


def chunks(body):
    return ok(b"Transfer-Encoding: chunked\r\n", body)


def length(text, body=b"hello"):
    return ok(b"Content-Length: " + text + b"\r\n", body)


# ---- framing that says two things, or nothing that can be read

for text in (b"+5", b"-5", b"5, 5", b"5,5", b"0x5", b"5 5", b"5;", b"", b"5\x00", b"5\x0b", b"\xef\xbc\x95", b"5\n", b"\r\n 5", b"5.0", b"1048577",
             b"4294967301", b"18446744073709551621", b"9" * 200):
    case("Content-Length %r" % text, length(text))
case("Content-Length with leading zeros", length(b"0005"), Answer(b"hello"))
case("two Content-Lengths", ok(b"Content-Length: 5\r\nContent-Length: 2\r\n", b"hello"))
case("two equal Content-Lengths", ok(b"Content-Length: 5\r\nContent-Length: 5\r\n", b"hello"))
for text in (b"chunked, chunked", b"identity", b"gzip, chunked", b"xchunked", b"chunked;q=1", b"", b"\"chunked\"", b"chunked\x00", b"\x0bchunked",
             b"\r\n chunked", b"\nchunked", b"chunked, identity"):
    case("Transfer-Encoding %r" % text, ok(b"Transfer-Encoding: " + text + b"\r\n", b"5\r\nhello\r\n0\r\n\r\n"), end=CLOSE)
case("Transfer-Encoding twice", ok(b"Transfer-Encoding: chunked\r\n" * 2, b"5\r\nhello\r\n0\r\n\r\n"))
case("Content-Length and Transfer-Encoding", ok(b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n", b"5\r\nhello\r\n0\r\n\r\n"))
case("Transfer-Encoding and Content-Length", ok(b"Transfer-Encoding: chunked\r\nContent-Length: 15\r\n", b"5\r\nhello\r\n0\r\n\r\n"))
case("Transfer-Encoding in HTTP/1.0", b"HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n", end=CLOSE)
for space in (b" ", b"\t", b"\x0b", b"\x00"):
    case("%r before the colon" % space, ok(b"Content-Length" + space + b": 5\r\n", b"hello"))
    case("%r before a field" % space, ok(space + b"Content-Length: 5\r\n", b"hello"))
case("a folded field", ok(b"X: y\r\n z\r\nContent-Length: 5\r\n", b"hello"))
for line in (b"X: y\nZ: w", b"X: y\rZ: w", b"X: \x00", b"X", b": y", b"X: \x7f", b"X\xe9: y"):
    case("field %r" % line, ok(line + b"\r\nContent-Length: 5\r\n", b"hello"))

# ---- status lines

for line in (b"HTTP/1.1 200 OK\n", b"HTTP/1.1 200 OK\r", b"HTTP/1.1  200 OK\r\n", b"HTTP/1.1 2000 OK\r\n", b"HTTP/1.1 20 OK\r\n", b"HTTP/1.1 +20 OK\r\n",
             b"HTTP/1.1 099 No\r\n", b"HTTP/1.1 600 No\r\n", b"HTTP/1.1 000 No\r\n", b"HTTP/2.0 200 OK\r\n", b"HTTP/0.9 200 OK\r\n", b"http/1.1 200 OK\r\n",
             b"HTTP/1.1 200 O\x00K\r\n", b"HTTP/1.1 200 O\rK\r\n", b" HTTP/1.1 200 OK\r\n", b"\r\nHTTP/1.1 200 OK\r\n", b"ICY 200 OK\r\n", b"200 OK\r\n", b"\x00" * 50):
    case("status line %r" % line[:30], line + b"Content-Length: 5\r\n\r\nhello", end=CLOSE)
case("no reason", b"HTTP/1.1 200\r\nContent-Length: 5\r\n\r\nhello", Answer(b"hello"))
case("HTTP/1.0", b"HTTP/1.0 200 OK\r\nContent-Length: 5\r\n\r\nhello", Answer(b"hello"))

# ---- chunks

for size in (b"0x5", b"+5", b"-5", b" 5", b"5 ", b"", b"5g", b"10000000000000005", b"ffffffffffffffff", b"8000000000000005", b"100001", b"5;", b"5;a=\"", b"5;a\nb", b"5\n"):
    case("chunk size %r" % size, chunks(size + b"\r\nhello\r\n0\r\n\r\n"), end=CLOSE)
case("a chunk longer than its size", chunks(b"4\r\nhello\r\n0\r\n\r\n"))
case("a chunk shorter than its size", chunks(b"6\r\nhello\r\n0\r\n\r\n"), end=CLOSE)
case("chunks without the last", chunks(b"5\r\nhello\r\n"), end=CLOSE)
case("a last chunk without its empty line", chunks(b"5\r\nhello\r\n0\r\n"), end=CLOSE)
case("chunks, extensions and trailers", chunks(b"5;a=\"b\"\r\nhello\r\n0\r\nContent-Length: 3\r\nX-T: u\r\n\r\n"), Answer(b"hello", absent=(b"x-t",)))
case("extensions over 64 KiB", chunks(b"1;a=%s\r\na\r\n" % (b"b" * 4000) * 20 + b"0\r\n\r\n"))
case("trailers over 64 KiB", chunks(b"5\r\nhello\r\n0\r\n" + b"T: u\r\n" * 12000 + b"\r\n"))
case("a chunked body over 1 MiB", chunks(b"80000\r\n%s\r\n" % (b"a" * 524288) * 3 + b"0\r\n\r\n"))
case("a chunked body of 1 MiB", chunks(b"80000\r\n%s\r\n" % (b"a" * 524288) * 2 + b"0\r\n\r\n"), Answer(b"a" * 1048576))

# ---- cut

for n in (1, 8, 12, 15, 17, 30, len(length(b"5")) - 6):
    case("cut after %d bytes of the head" % n, length(b"5")[:n], end=CLOSE)
    case("reset after %d bytes of the head" % n, length(b"5")[:n], end=RESET)
for what, end in (("closed", CLOSE), ("cut", CUT), ("reset", RESET)):
    case("a body shorter than its length, " + what, length(b"6"), end=end)
    case("nothing at all, " + what, b"", end=end)
case("a body until close", ok(b"", b"hello"), Answer(b"hello"), end=CLOSE)
case("a body until close, cut", ok(b"", b"hello"), end=CUT)
case("a body until close, reset", ok(b"", b"hello"), end=RESET)
case("a body until close of HTTP/1.0, cut", b"HTTP/1.0 200 OK\r\n\r\nhello", end=CUT)
case("silence", b"", end=HANG)
case("silence in the head", length(b"5")[:20], end=HANG)
case("silence in the body", length(b"6"), end=HANG)

# ---- interim responses

case("16 interim responses", b"HTTP/1.1 103 Hints\r\nLink: </a>\r\n\r\n" * 16 + length(b"5"), Answer(b"hello", absent=(b"link",)))
case("17 of them", b"HTTP/1.1 103 Hints\r\n\r\n" * 17 + length(b"5"))
case("100 Continue that nobody waits for", b"HTTP/1.1 100 Continue\r\n\r\n" + length(b"5"), Answer(b"hello"))
case("101", b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n" + length(b"5"))
case("199", b"HTTP/1.1 199 Odd\r\nX: y\r\n\r\n" + length(b"5"), Answer(b"hello", absent=(b"x",)))
case("an interim response and no other", b"HTTP/1.1 103 Hints\r\n\r\n", end=HANG)

# ---- what has no body, with one behind it

case("204 with a body behind it", b"HTTP/1.1 204 No Content\r\nContent-Length: 6\r\n\r\npoison", Answer(b"", 204))
case("204 with chunks behind it", b"HTTP/1.1 204 No Content\r\nTransfer-Encoding: chunked\r\n\r\n6\r\npoison\r\n0\r\n\r\n", Answer(b"", 204))
case("204 with an answer behind it", b"HTTP/1.1 204 No Content\r\n\r\n" + POISON, Answer(b"", 204))
case("304 with a body behind it", b"HTTP/1.1 304 Not Modified\r\nContent-Length: 6\r\n\r\npoison", Answer(b"", 304))
case("the answer to HEAD, with a body", OK + b"Content-Length: 6\r\n\r\npoison", Answer(b""), method=b"HEAD")
case("the answer to HEAD, in chunks", chunks(b"6\r\npoison\r\n0\r\n\r\n"), Answer(b""), method=b"HEAD")
case("a body longer than its length", length(b"5", b"hello, poison"), Answer(b"hello"))
case("an answer behind an answer", length(b"5") + POISON, Answer(b"hello"))
case("100 answers behind an answer", length(b"5") + POISON * 100, Answer(b"hello"))
case("an empty line behind an answer", length(b"5") + b"\r\n", Answer(b"hello"))
case("an answer behind chunks", chunks(b"5\r\nhello\r\n0\r\n\r\n") + POISON, Answer(b"hello"))


# The proxy reads up to 20,480 bytes, the head's among them: what was decrypted and not read wakes
# nobody.
def brim(total):
    """An answer whose last byte is the last that fits into a buffer of that size."""
    head = OK + b"Content-Length: 4480\r\nX: "
    head += b"y" * (total - 4480 - len(head) - 4) + b"\r\n\r\n"

    def send(s):
        s.sendall(head)
        time.sleep(0.1)
        s.sendall(b"b" * 4480 + POISON * 100)
    return send


for total in (20479, 20480, 20481):
    case("an answer of %d bytes, and one behind it" % total, brim(total), Answer(b"b" * 4480))

# ---- without end, or slow


def slow(f):
    f.is_slow = True
    return f


def endless(first, more):
    @slow
    def send(s):
        s.sendall(first)
        until = time.monotonic() + 15
        while time.monotonic() < until:
            s.sendall(more)
        raise OSError
    return send


def drip(data, seconds):
    @slow
    def send(s):
        for i in range(len(data)):
            s.sendall(data[i:i + 1])
            time.sleep(seconds)
    return send


case("a head without end", endless(OK, b"X: yyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyy\r\n" * 100))
case("a field without end", endless(OK + b"X: ", b"y" * 16384))
case("a status line without end", endless(b"HTTP/1.1 200 ", b"y" * 16384))
case("a reason of one byte after the other", drip(b"HTTP/1.1 200 " + b"y" * 400, 0.05))
case("interim responses without end", endless(b"", b"HTTP/1.1 103 Hints\r\n\r\n" * 100))
case("a body without end", endless(OK + b"\r\n", b"a" * 16384))
case("chunks without end", endless(chunks(b""), b"1000\r\n%s\r\n" % (b"a" * 4096)))
case("a chunk without end", endless(chunks(b"ffffffff\r\n"), b"a" * 16384))
case("a chunk size without end", endless(chunks(b""), b"0" * 16384))
case("an extension without end", endless(chunks(b"5;a="), b"b" * 16384))
case("trailers without end", endless(chunks(b"5\r\nhello\r\n0\r\n"), b"T: u\r\n" * 1000))
case("a head byte by byte, too slowly", drip(length(b"5"), 0.1))
case("a body byte by byte, too slowly", drip(length(b"100", b"a" * 100), 0.05))
case("an answer byte by byte", drip(length(b"5"), 0.002), Answer(b"hello"))
case("chunks byte by byte", drip(chunks(b"5;a=b\r\nhello\r\n0\r\nT: u\r\n\r\n"), 0.002), Answer(b"hello"))


asked = {}


def play(data, end):
    def handler(s, target):
        asked[target] = asked.get(target, 0) + 1
        if asked[target] > 1:
            return hostile.end_tls(s)  # an outage: what is kept would be served
        if callable(data):
            data(s)
        elif data:
            s.sendall(data)
        if end == KEEP:
            return True
        if end == CLOSE:
            return hostile.end_tls(s)
        if end == CUT:
            s.shutdown(socket.SHUT_WR)
            socket.socket.shutdown(s, socket.SHUT_WR)
            return False
        if end == RESET:
            raw = socket.socket(fileno=s.detach())
            hostile.reset(raw)
            return False
        time.sleep(6)
        return False
    return handler


def fetch(target, method=b"GET"):
    """(status, fields, body) and seconds."""
    start = time.monotonic()
    s = hostile.connect(PORT, 20)
    hostile.send(s, method + b" " + target.encode() + b" HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
    whole, got = hostile.read_all(s)
    s.close()
    answers = hostile.split_responses(got, to_head=method == b"HEAD")
    if not whole or not answers or len(answers) != 1:
        return (0, [], got), time.monotonic() - start
    return answers[0], time.monotonic() - start


def is_outage(answer):
    return answer[0] in (502, 504) and re.fullmatch(
        rb'\{"error":"(bad_upstream_answer|unreachable)","message":".+","state":"(TrustBased|Connected|Failed)"\}\n', answer[2])


def run(number):
    what, _, wanted, _, method = cases[number]
    target = "/r/%03d" % number
    answer, took = fetch(target, method)
    follow, _ = fetch("/good/%03d" % number)
    again, _ = fetch(target, method)
    return what, wanted, answer, took, follow, again


def check(result):
    what, wanted, answer, took, follow, again = result
    if took > 4:
        return "it took %.1f s" % took
    if b"poison" in answer[2] or b"poison" in follow[2]:
        return "the answer to another request: %r, then %r" % (answer, follow)
    if follow[0] != 200 or follow[2] != b"good":
        return "the next request gets %r" % (follow,)
    if wanted is None:
        if not is_outage(answer):
            return "no outage: %r" % (answer,)
        return None if is_outage(again) else "it was kept: %r" % (again,)
    if answer[0] != wanted.status or answer[2] != wanted.body:
        return "the answer is %r" % (answer,)
    for name in wanted.absent + (b"transfer-encoding", b"trailer"):
        if hostile.values(answer[1], name):
            return "%r is passed on" % name
    return None


server = hostile.Server(sys.argv[1], sys.argv[2], {}, lambda s, target: s.sendall(GOOD))
for i, (_, bytes_, _, ending, _) in enumerate(cases):
    server.script["/r/%03d" % i] = play(bytes_, ending)
PORT, PID = server.tell_port(sys.argv[3])

begun = time.monotonic()
# What ends at once one after the other, so that connections are used again; the rest side by side.
late = [i for i, c in enumerate(cases) if c[3] == HANG or hasattr(c[1], "is_slow")]
quick = [i for i in range(len(cases)) if i not in late]
for result in [run(i) for i in quick] + hostile.in_parallel([lambda i=i: run(i) for i in late], len(late)):
    fault = check(result)
    hostile.tell(not fault, result[0], fault)


def together(number):
    """An answer that nobody asked for, and the next request: the proxy learns of both at one time."""
    target = "/together/%d" % number
    idle = []
    server.script[target] = lambda s, target: s.sendall(GOOD) or idle.append(s)
    first = fetch(target)[0]
    s = hostile.connect(PORT)
    request = b"GET /good/together HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"
    hostile.send(s, request[:20])
    fetch("/good/between") if number else None  # the proxy has read that half
    time.sleep(0.05)
    os.kill(PID, signal.SIGSTOP)
    hostile.wait_for(5, lambda: open("/proc/%d/stat" % PID, encoding="ascii").read().split(") ")[1][0] == "T")
    for peer in idle:
        hostile.send(peer, POISON)
    hostile.send(s, request[20:])
    time.sleep(0.05)
    os.kill(PID, signal.SIGCONT)
    answers = hostile.split_responses(hostile.read_all(s)[1])
    s.close()
    return first[2] == b"good" and answers and len(answers) == 1 and answers[0][2] == b"good", (first, answers)


for i in range(2):
    good, told = together(i)
    hostile.tell(good, "an answer that comes together with the next request", told)
print("# %d cases, %.1f s, %d requests" % (len(cases), time.monotonic() - begun, len(server.seen)))
