"""Requests that two readers might read differently, to a proxy that speaks plain HTTP.

  smuggling_requests.py PROXY_PORT CONTROL_URL

Each is sent in one packet and byte by byte, with a sound request right behind it. Either the proxy
refuses it once and closes, and nothing reaches the license server; or the server receives exactly
what was meant, reframed, and the request behind it is answered too.
"""
import re
import sys
import time
import urllib.request

import hostile

PORT, CONTROL = int(sys.argv[1]), sys.argv[2]
HOST = b"Host: a\r\n"
BODY = b"hello"
CHUNKED = b"5\r\nhello\r\n0\r\n\r\n"

cases = []


class Relayed:
    """What the license server must receive. `fields` must be among the head's lines, `absent` not
    be in it; `close`: the connection ends with its answer."""

    def __init__(self, body=None, method=b"POST", target=b"@", close=False, fields=(), absent=(), status=200):
        self.body, self.method, self.target, self.close = body, method, target, close
        self.fields, self.absent, self.status = fields, absent, status


def case(what, data, *wanted):
    """In the bytes @ is the case's own target, as it is in Relayed."""
    cases.append((what, data, wanted))


def post(fields, body=b""):
    return b"POST @ HTTP/1.1\r\n" + HOST + fields + b"\r\n" + body


def get(line=b"GET @ HTTP/1.1\r\n", fields=b""):
    return line + HOST + fields + b"\r\n"


def chunks(body):
    return post(b"Transfer-Encoding: chunked\r\n", body)


# ---- Content-Length

for text, status in ((b"+5", 400), (b"-5", 400), (b"5,5", 400), (b"5, 5", 400), (b"5 5", 400),
                     (b"0x5", 400), (b"5h", 400), (b"5;", 400), (b"5.0", 400), (b"5e0", 400), (b"\"5\"", 400),
                     (b"", 400), (b"  ", 400), (b"5\x00", 400), (b"\x005", 400), (b"5\x0b", 400), (b"5\x0c", 400),
                     (b"\xef\xbc\x95", 400), (b"\xb2", 400), (b"5\r", 400), (b"\n5", 400), (b"\r\n 5", 400),
                     (b"5\r\n\t6", 400), (b"5\n", 400),
                     (b"262145", 413), (b"4294967301", 413), (b"18446744073709551621", 413),
                     (b"9223372036854775808", 413), (b"9" * 300, 413)):
    case("Content-Length %r" % text, post(b"Content-Length: " + text + b"\r\n", BODY), status)
for what, text in (("with leading zeros", b" 0005"), ("with 300 leading zeros", b" " + b"0" * 300 + b"5"),
                   ("with white space around it", b" \t 5\t "), ("without a space", b"5")):
    case("Content-Length " + what, post(b"Content-Length:" + text + b"\r\n", BODY), Relayed(BODY))
case("two equal Content-Lengths", post(b"Content-Length: 5\r\nContent-Length: 5\r\n", BODY), 400)
case("two Content-Lengths", post(b"Content-Length: 5\r\nContent-Length: 0\r\n", BODY), 400)
case("two Content-Lengths in another case", post(b"content-length: 0\r\nCONTENT-LENGTH: 5\r\n", BODY), 400)
for space in (b" ", b"\t", b"\x0b", b"\x0c", b"\x00", b"\xa0", b"\r", b"\x85"):
    case("Content-Length with %r before its colon" % space, post(b"Content-Length" + space + b": 5\r\n", BODY), 400)
    case("Content-Length behind %r" % space, post(space + b"Content-Length: 5\r\n", BODY), 400)
case("Content_Length is another field", post(b"Content_Length: 5\r\n", b"@@@@@"), Relayed(), 400)
case("Connection: Content-Length frames all the same",
     post(b"Connection: Content-Length\r\nContent-Length: 5\r\n", BODY), Relayed(BODY, absent=(b"Connection:",)))
case("GET with a body", get(fields=b"Content-Length: 5\r\n") + BODY, Relayed(BODY, b"GET"))
case("HTTP/1.0 with a body", b"POST @ HTTP/1.0\r\nContent-Length: 5\r\n\r\n" + BODY, Relayed(BODY, close=True))
case("a body of none", post(b"Content-Length: 0\r\n"), Relayed(b""))

# ---- Transfer-Encoding

for text, status in ((b"chunked, chunked", 501), (b"identity", 501), (b"identity, chunked", 501),
                     (b"xchunked", 501), (b"chunkedx", 501), (b"chunked;q=1", 501), (b"chunked,", 501),
                     (b", chunked", 501), (b"chunked, identity", 501), (b"gzip, chunked", 501), (b"gzip", 501),
                     (b"\"chunked\"", 501), (b"chunked chunked", 501), (b"", 501), (b"cow", 501),
                     (b"chunk\xc3\xa9d", 501), (b"\xa0chunked", 501), (b"'chunked'", 501),
                     (b"chunked\x00", 400), (b"\x00chunked", 400), (b"\x0bchunked", 400), (b"\x0cchunked", 400),
                     (b"\x0bchunked\x0b", 400), (b"\nchunked", 400), (b"\r\n chunked", 400), (b"\r\n\tchunked", 400),
                     (b"chunked\r\n identity", 400), (b"chunked\r", 400), (b"\x7fchunked", 400)):
    case("Transfer-Encoding %r" % text, post(b"Transfer-Encoding: " + text + b"\r\n", CHUNKED), status)
    case("Content-Length and Transfer-Encoding %r" % text,
         post(b"Content-Length: 5\r\nTransfer-Encoding: " + text + b"\r\n", CHUNKED), 400)
for text in (b": chunked", b":chunked", b": CHUNKED", b":\t chunked\t ", b": cHuNkEd"):
    case("Transfer-Encoding%r" % text, post(b"Transfer-Encoding" + text + b"\r\n", CHUNKED), Relayed(BODY))
case("transfer-ENCODING", post(b"transfer-ENCODING: chunked\r\n", CHUNKED), Relayed(BODY))
case("Transfer-Encoding, then Content-Length", post(b"Transfer-Encoding: chunked\r\nContent-Length: 5\r\n", CHUNKED), 400)
case("Content-Length, then Transfer-Encoding", post(b"Content-Length: 15\r\nTransfer-Encoding: chunked\r\n", CHUNKED), 400)
case("Content-Length, then Transfer-Encoding in other cases",
     post(b"CONTENT-LENGTH: 15\r\nTRANSFER-ENCODING: CHUNKED\r\n", CHUNKED), 400)
case("Transfer-Encoding twice", post(b"Transfer-Encoding: chunked\r\n" * 2, CHUNKED), 501)
case("Transfer-Encoding twice, the other unknown",
     post(b"Transfer-Encoding: chunked\r\nTransfer-Encoding: cow\r\n", CHUNKED), 501)
case("Transfer-Encoding in HTTP/1.0", b"POST @ HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n" + CHUNKED, 400)
for space in (b" ", b"\t", b"\x0b", b"\x0c", b"\x00", b"\xa0", b"\r"):
    case("Transfer-Encoding with %r before its colon" % space,
         post(b"Transfer-Encoding" + space + b": chunked\r\n", CHUNKED), 400)
    case("Transfer-Encoding behind %r" % space, post(space + b"Transfer-Encoding: chunked\r\n", CHUNKED), 400)
    if space != b" " and space != b"\t":
        case("Transfer-Encoding behind %r in a value" % space,
             post(b"X: y" + space + b"Transfer-Encoding: chunked\r\n", CHUNKED),
             *((400,) if space != b"\xa0" else (Relayed(), 400)))
case("Transfer-Encoding behind a bare LF", post(b"X: y\nTransfer-Encoding: chunked\r\n", CHUNKED), 400)
case("Transfer_Encoding is another field", post(b"Transfer_Encoding: chunked\r\n", b"@"), Relayed(), 400)
case("Connection: Transfer-Encoding frames all the same",
     post(b"Connection: Transfer-Encoding\r\nTransfer-Encoding: chunked\r\n", CHUNKED), Relayed(BODY))
case("TE alone frames nothing", post(b"TE: chunked, trailers\r\n"), Relayed(absent=(b"TE:",)))

# ---- chunks

for size, status in ((b"0x5", 400), (b"+5", 400), (b"-5", 400), (b" 5", 400), (b"5 ", 400), (b"\t5", 400), (b"", 400),
                     (b"5h", 400), (b"5,5", 400), (b"5\x00", 400), (b"5\x0b", 400), (b"5\r", 400), (b"5\n", 400),
                     (b"10000000000000005", 400), (b"fffffffffffffffff", 400), (b"00000000000000005", 400),
                     (b"ffffffffffffffff", 413), (b"8000000000000005", 413), (b"100000005", 413), (b"40001", 413),
                     (b"5;", 400), (b"5;;a=b", 400), (b"5;=b", 400), (b"5;a=", 400), (b"5;a=b c", 400), (b"5 a", 400),
                     (b"5;a=\"b", 400), (b"5;a\nb", 400), (b"5;a\rb", 400), (b"5;a=\"\n\"", 400), (b"5;a=\"\r\n\"", 400),
                     (b"5;a=\x00", 400), (b"5;\xc3\xa9", 400), (b"5;a=" + b"b" * 4100, 413)):
    case("chunk size %r" % size[:20], chunks(size + b"\r\nhello\r\n0\r\n\r\n"), status)
for size in (b"0000000000000005", b"5;a", b"5;a=b", b"5;a=\"b;\\\"\\\\c\"", b"5 ; a = b", b"5;a;b;c=d", b"5;a=" + b"b" * 4000):
    case("chunk size %r" % size[:20], chunks(size + b"\r\nhello\r\n0\r\n\r\n"), Relayed(BODY, absent=(size[1:] if b";" in size else b"Transfer",)))
case("hexadecimal in both cases", chunks(b"a\r\n0123456789\r\nB\r\n0123456789a\r\n000\r\n\r\n"), Relayed(b"01234567890123456789a"))
case("a chunk longer than its size", chunks(b"4\r\nhello\r\n0\r\n\r\n"), 400)
case("a chunk shorter than its size", chunks(b"6\r\nhello\r\n0\r\n\r\n"), 400)
case("a chunk ended by LF", chunks(b"5\r\nhello\n0\r\n\r\n"), 400)
case("a chunk ended by CR", chunks(b"5\r\nhello\r0\r\n\r\n"), 400)
case("a chunk ended by nothing", chunks(b"5\r\nhello0\r\n\r\n"), 400)
case("a chunk size ended by LF", chunks(b"5\nhello\r\n0\r\n\r\n"), 400)
case("a last chunk without its empty line", chunks(b"5\r\nhello\r\n0\r\n"), 400)
case("a last chunk ended by LF", chunks(b"5\r\nhello\r\n0\n\n"), 400)
case("a last chunk with an extension", chunks(b"5\r\nhello\r\n0;a=b\r\n\r\n"), Relayed(BODY))
case("a body of no chunks", chunks(b"0\r\n\r\n"), Relayed(b""))
inner = b"GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n"
case("a request in a chunk", chunks(b"%x\r\n%s\r\n0\r\n\r\n" % (len(inner), inner)), Relayed(inner))
case("extensions over 64 KiB", chunks(b"1;a=%s\r\na\r\n" % (b"b" * 4000) * 20 + b"0\r\n\r\n"), 413)
case("chunks of one byte, over 64 KiB of framing", chunks(b"1\r\na\r\n" * 14000 + b"0\r\n\r\n"), 413)
case("2,000 chunks of one byte", chunks(b"1\r\na\r\n" * 2000 + b"0\r\n\r\n"), Relayed(b"a" * 2000))
case("a chunked body of 256 KiB", chunks(b"20000\r\n" + b"a" * 131072 + b"\r\n20000\r\n" + b"b" * 131072 + b"\r\n0\r\n\r\n"),
     Relayed(b"a" * 131072 + b"b" * 131072))
case("and of a byte more", chunks(b"20000\r\n" + b"a" * 131072 + b"\r\n20001\r\n" + b"b" * 131073 + b"\r\n0\r\n\r\n"), 413)

# ---- trailers: read, never passed on

for name in (b"Content-Length: 0", b"Transfer-Encoding: chunked", b"Host: b", b"Authorization: Token x",
             b"X-Trailer: y", b"X-Trailer:", b"Content-Encoding: gzip", b"X-Trailer: \xff"):
    case("trailer %r" % name, chunks(b"5\r\nhello\r\n0\r\n" + name + b"\r\n\r\n"),
         Relayed(BODY, absent=(name.replace(b"Content-Length: 0", b"Content-Length: 0\r\n"), b"Trailer")))
case("1,000 trailers", chunks(b"5\r\nhello\r\n0\r\n" + b"T: u\r\n" * 1000 + b"\r\n"), Relayed(BODY, absent=(b"T: u",)))
case("trailers over 64 KiB", chunks(b"5\r\nhello\r\n0\r\n" + b"T: %s\r\n" % (b"u" * 1000) * 70 + b"\r\n"), 413)
for bad in (b"T : u", b" T: u", b"T", b": u", b"T: u\r\n v", b"T: \x00", b"T: u\nV: w", b"T: u\rV: w", b"T\xe9: u", b"T: \x7f"):
    case("trailer %r" % bad, chunks(b"5\r\nhello\r\n0\r\n" + bad + b"\r\n\r\n"), 400)

# ---- the request line

for line, status in ((b"GET @", 400), (b"GET @ ", 400), (b"GET", 400), (b"@", 400), (b"GET  @ HTTP/1.1", 400),
                     (b"GET @  HTTP/1.1", 400), (b"GET @ HTTP/1.1 ", 400), (b" GET @ HTTP/1.1", 400),
                     (b"GET\t@ HTTP/1.1", 400), (b"GET @\tHTTP/1.1", 400), (b"GET\x0b@ HTTP/1.1", 400),
                     (b"GET @ HTTP/1.1\t", 400), (b"GET @ x HTTP/1.1", 400), (b"GET @ HTTP/1.1 HTTP/1.1", 400),
                     (b"GET @ http/1.1", 400), (b"GET @ HTTP/1.1.1", 400), (b"GET @ HTTP/11", 400), (b"GET @ HTTP/1.", 400),
                     (b"GET @ HTTP/ 1.1", 400), (b"GET @ HTTP/1,1", 400), (b"GET @ HTTP/01.1", 400), (b"GET @ HTTP/1.10", 400),
                     (b"GET @ HTTP/+1.1", 400), (b"GET @ XTTP/1.1", 400), (b"GET @ HTTP/0.9", 505), (b"GET @ HTTP/2.0", 505),
                     (b"GET @ HTTP/9.9", 505), (b"GET @\r HTTP/1.1", 400), (b"GET @\n HTTP/1.1", 400), (b"GET @ HTTP/1.1\r", 400),
                     (b"GET @\x00 HTTP/1.1", 400), (b"\x00GET @ HTTP/1.1", 400), (b"G\x00ET @ HTTP/1.1", 400),
                     (b"GET @ HTTP/1.1\x00", 400), (b"GET @\xc3\xa9 HTTP/1.1", 400), (b"GET @\x7f HTTP/1.1", 400),
                     (b"G\xc3\x89T @ HTTP/1.1", 400), (b"G@T @ HTTP/1.1", 400), (b"GET: @ HTTP/1.1", 400), (b"(GET) @ HTTP/1.1", 400),
                     (b"GET @#f HTTP/1.1", 400), (b"GET x HTTP/1.1", 400), (b"GET * HTTP/1.1", 400), (b"OPTIONS * HTTP/1.1", 400),
                     (b"GET a:443 HTTP/1.1", 400), (b"GET ?x HTTP/1.1", 400), (b"GET \\@ HTTP/1.1", 400),
                     (b"GET ftp://a@ HTTP/1.1", 400), (b"GET http:@ HTTP/1.1", 400), (b"GET http://@ HTTP/1.1", 400),
                     (b"GET http://u:p@a@ HTTP/1.1", 400), (b"GET http://a?@ HTTP/1.1", 400), (b"GET http://a:b@ HTTP/1.1", 400),
                     (b"GET http://[::1@ HTTP/1.1", 400), (b"GET file:///etc/passwd HTTP/1.1", 400),
                     (b"GET /x/..@ HTTP/1.1", 400), (b"GET /x/%2e%2E@ HTTP/1.1", 400), (b"GET /..;x@ HTTP/1.1", 400),
                     (b"GET /x/..\\@ HTTP/1.1", 400), (b"GET " + b"@" + b"a" * 9000 + b" HTTP/1.1", 414),
                     (b"GET @" + b"a" * 20000 + b" HTTP/1.1", 414), (b"A" * 17000 + b" @ HTTP/1.1", 431)):
    case("request line %r" % line[:40], get(line + b"\r\n"), status)
case("the HTTP/2 preface", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505)
case("a line feed before the request", b"\n" + get(), 400)
case("a carriage return before the request", b"\r" + get(), 400)
case("an empty line before the request", b"\r\n" + get(), Relayed(method=b"GET"))
case("two empty lines before it", b"\r\n\r\n" + get(), 400)
case("request line ended by LF", get(b"GET @ HTTP/1.1\n"), 400)
case("request line ended by CR", get(b"GET @ HTTP/1.1\r"), 400)
case("head ended by LF", b"GET @ HTTP/1.1\r\n" + HOST + b"\n", 400)
case("line feeds alone", b"GET @ HTTP/1.1\nHost: a\n\n", 400)
case("HTTP/1.2 is read as 1.1", get(b"GET @ HTTP/1.2\r\n"), Relayed(method=b"GET"))
case("a method of its own", get(b"get @ HTTP/1.1\r\n"), Relayed(method=b"get"))
case("percent-encoded line ends stay so", get(b"GET @%0d%0aX:%20y HTTP/1.1\r\n"), Relayed(method=b"GET", target=b"@%0d%0aX:%20y", absent=(b"\r\nX:",)))
case("percent-encoded NUL stays so", get(b"GET @%00 HTTP/1.1\r\n"), Relayed(method=b"GET", target=b"@%00"))
case("a target of 8,192 bytes", get(b"GET @" + b"a" * 8186 + b" HTTP/1.1\r\n"), Relayed(method=b"GET", target=b"@" + b"a" * 8186))
case("and of one more", get(b"GET @" + b"a" * 8187 + b" HTTP/1.1\r\n"), 414)
case("absolute form", get(b"GET http://a@ HTTP/1.1\r\n"), Relayed(method=b"GET"))
case("absolute form, another Host", get(b"GET https://evil.example:99@?x HTTP/1.1\r\n"), Relayed(method=b"GET", target=b"@?x", absent=(b"evil",)))
case("absolute form in capitals", get(b"GET HTTP://a@ HTTP/1.1\r\n"), Relayed(method=b"GET"))
case("two slashes", get(b"GET @//x HTTP/1.1\r\n"), Relayed(method=b"GET", target=b"@//x"))
for method in (b"CONNECT", b"TRACE"):
    case(method.decode(), get(method + b" @ HTTP/1.1\r\n"), Relayed(method=method, status=405))
case("CONNECT host:port", get(b"CONNECT a:443 HTTP/1.1\r\n"), 400)

# ---- Host and other fields

for text in (b"", b"a b", b"a/b", b"a@b", b"a:b", b"a:99999", b"a:-1", b"[::1", b"::1", b"[a]", b"a\\b", b"http://a", b"a\xe9", b"a?b", b"a#b"):
    case("Host %r" % text, b"GET @ HTTP/1.1\r\nHost: " + text + b"\r\n\r\n", 400)
case("no Host", b"GET @ HTTP/1.1\r\n\r\n", 400)
case("two equal Hosts", get(fields=HOST), 400)
case("two Hosts", get(fields=b"HOST: b\r\n"), 400)
case("two Hosts in HTTP/1.0", b"GET @ HTTP/1.0\r\nHost: a\r\nHost: b\r\n\r\n", 400)
case("Host with a space before its colon", b"GET @ HTTP/1.1\r\nHost : a\r\n\r\n", 400)
case("no Host in HTTP/1.0", b"GET @ HTTP/1.0\r\n\r\n", Relayed(method=b"GET", close=True))
case("the Host of another", b"GET @ HTTP/1.1\r\nHost: evil.example\r\n\r\n", Relayed(method=b"GET", absent=(b"evil",)))
for line in (b"X", b": y", b"X y: z", b"X\x00: y", b"X: y\x00", b"X: \x01", b"X: \x7f", b"X: y\rZ: w", b"X: y\r\r", b"X: y\nZ: w",
             b"X: y\r\n z", b"X: y\r\n\tz", b"X: y\r\n ", b" X: y", b"\tX: y", b"X\xe9: y", b"X(: y", b"X/Y: z", b"\"X\": y", b"{X}: y", b"X@: y"):
    case("field %r" % line, get(fields=line + b"\r\n"), 400)
case("a folded line behind the request line", b"GET @ HTTP/1.1\r\n Host: a\r\n\r\n", 400)
case("bytes beyond ASCII in a value", get(fields=b"X: \xc3\xa9\xff\r\n"), Relayed(method=b"GET", fields=(b"X: \xc3\xa9\xff",)))
case("an empty value", get(fields=b"X:\r\n"), Relayed(method=b"GET", fields=(b"X: ",)))
# The license server of the tests has the same bound, and our Via is one more.
case("99 fields", get(fields=b"X: y\r\n" * 98), Relayed(method=b"GET"))
case("101 fields", get(fields=b"X: y\r\n" * 100), 431)
case("a head over 16 KiB", get(fields=b"X: %s\r\n" % (b"y" * 4000) * 5), 431)
case("Connection names a field", get(fields=b"X: y\r\nZ: w\r\nConnection: x, keep-alive\r\n"),
     Relayed(method=b"GET", fields=(b"Z: w",), absent=(b"X: y", b"Connection")))
case("Connection can't take the credential", get(fields=b"Authorization: t\r\nConnection: Authorization, Host, Via\r\n"),
     Relayed(method=b"GET", fields=(b"Authorization: t",)))
case("close wins over keep-alive", get(fields=b"Connection: keep-alive\r\nConnection: CLOSE\r\n"), Relayed(method=b"GET", close=True))
case("an upgrade to HTTP/2", get(fields=b"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n"),
     Relayed(method=b"GET", absent=(b"Upgrade", b"HTTP2", b"h2c")))
case("an upgrade to WebSocket", get(fields=b"Connection: Upgrade\r\nUpgrade: websocket\r\n"), Relayed(method=b"GET", absent=(b"websocket",)))
case("Proxy-Authorization and others of one hop", get(fields=b"Proxy-Authorization: x\r\nProxy-Connection: keep-alive\r\nKeep-Alive: timeout=9\r\n"),
     Relayed(method=b"GET", absent=(b"\r\nProxy-", b"Keep-Alive")))
case("an unknown expectation", post(b"Expect: 101-evil\r\nContent-Length: 5\r\n", BODY), 417)
case("an expectation and a body at once", post(b"Expect: 100-continue\r\nContent-Length: 5\r\n", BODY), Relayed(BODY, absent=(b"Expect",)))
case("an expectation without a body", post(b"Expect: 100-continue\r\n"), Relayed(absent=(b"Expect",)))


def own(data, target):
    return data.replace(b"@", target, 1) if b"u:p@a@" not in data else data.replace(b"@a@", b"@a" + target)


def ask(prefix, number, step):
    what, data, wanted = cases[number]
    target = b"/%s/%03d" % (prefix, number)
    behind = b"GET /after%s HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n" % target
    s = hostile.connect(PORT)
    hostile.send(s, own(data, target), step)
    hostile.send(s, behind)
    whole, got = hostile.read_all(s)
    s.close()
    return whole, got


def check_answers(wanted, whole, got):
    """What is wrong with the answers, or None."""
    answers = hostile.split_responses(got)
    if not whole:
        return "the connection stays open"
    if answers is None:
        return "not whole responses"
    statuses = [w if isinstance(w, int) else w.status for w in wanted]
    refused = isinstance(wanted[-1], int)
    closed = refused or wanted[-1].close
    if not closed:
        statuses.append(200)
    if [a[0] for a in answers] != statuses:
        return "statuses %s instead of %s" % ([a[0] for a in answers], statuses)
    if hostile.values(answers[-1][1], b"connection") != [b"close"]:
        return "the last answer doesn't say close"
    if refused and not re.fullmatch(rb'\{"error":"bad_request","message":".+","state":"Connected"\}\n', answers[-1][2]):
        return "the refusal doesn't say why"
    return None


def check_received(wanted, target, received):
    """What is wrong with what the license server received of one case."""
    relayed = [w for w in wanted if not isinstance(w, int) and w.status == 200]
    if not isinstance(wanted[-1], int) and not wanted[-1].close:
        relayed.append(Relayed(method=b"GET", target=b"/after@"))
    if len(received) != len(relayed):
        return "the license server received %d requests instead of %d" % (len(received), len(relayed))
    for text, w in zip(received, relayed):
        head, _, body = text.partition(b"\r\n\r\n")
        lines = head.split(b"\r\n")
        if lines[0] != w.method + b" " + w.target.replace(b"@", target) + b" HTTP/1.1":
            return "request line %r" % lines[0]
        if body != (w.body or b""):
            return "body %r" % body[:100]
        lengths = [line for line in lines if re.match(rb"content-length", line, re.I)]
        if lengths != ([] if w.body is None else [b"Content-Length: %d" % len(w.body)]):
            return "lengths %r" % lengths
        if sum(line.lower().startswith(b"host:") for line in lines) != 1 or \
                not re.search(rb"\r\nHost: localhost:\d+\r\n", text):
            return "Host"
        if any(not re.fullmatch(rb"[-!#$%&'*+.^_`|~0-9A-Za-z]+: [\t -~\x80-\xff]*", line) for line in lines[1:]):
            return "a malformed field"
        if any(re.match(rb"(transfer-encoding|connection):", line, re.I) for line in lines):
            return "a field of one hop"
        for bad in w.absent:
            if bad.lower() in head.lower():
                return "%r in the head" % bad
        for field in w.fields:
            if field not in lines:
                return "no %r in the head" % field
    return None


def received_by_target(after):
    """What the license server tells of behind its request number `after`: (prefix, number) of the
    case to requests, in their order; and the last request's number."""
    text = urllib.request.urlopen(CONTROL + "/requests").read()[:-1]
    out = {}
    parts = re.split(rb"(?:^|\n)==== request (\d+) on connection \d+\n", text)[1:]
    for number, part in zip(parts[::2], parts[1::2]):
        if int(number) <= after:
            continue
        target = part.split(b" ", 2)[1]
        m = re.match(rb"(?:/after)?/([a-z])/(\d{3})", target)
        key = (m.group(1), int(m.group(2))) if m else target
        out.setdefault(key, []).append(part)
    return out, int(parts[-2])


def run(prefix, step, numbers, way):
    # A third at a time: the server remembers 512 requests.
    for third in range(3):
        some = numbers[third::3]
        last = received_by_target(0)[1]
        answers = hostile.in_parallel([lambda n=n: ask(prefix, n, step) for n in some], 4)
        received, _ = received_by_target(last)
        for number, (whole, got) in zip(some, answers):
            what, _, wanted = cases[number]
            target = b"/%s/%03d" % (prefix, number)
            texts = received.pop((prefix, number), [])
            wrong = check_answers(wanted, whole, got) or check_received(wanted, target, texts)
            hostile.tell(not wrong, what + way, wrong, repr(got[:300]), *map(repr, texts))
        received.pop(b"/", None)  # the proxy's own check-in
        hostile.tell(not received, "the license server received nothing else", *received)


everything = list(range(len(cases)))
short = [n for n in everything if len(cases[n][1]) < 500]
start = time.monotonic()
run(b"q", 0, everything, "")
run(b"b", 1, short, ", byte by byte")
print("# %d cases, %.1f s" % (len(cases), time.monotonic() - start))
