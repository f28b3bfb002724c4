"""Allocations that fail, one after the other, in a proxy built with tools/build/faults.c.

  memory.py PLAN HTTPS_PORT STATUS_PORT CONTROL_URL PID LOG

For each of the scenarios below: its allocations are counted; then each of them in turn fails, alone,
and with all that follow it. A connection or an answer may be lost, but an answer that says 200 is the
right one, the next try without a fault works, and the process goes on.
"""
import http.client
import json
import mmap
import os
import re
import signal
import ssl
import struct
import sys
import time
import urllib.request

import hostile

PLAN, PORT, STATUS, CONTROL, PID, LOG = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), sys.argv[4], int(sys.argv[5]), sys.argv[6]

context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
context.check_hostname, context.verify_mode = False, ssl.CERT_NONE

with open(PLAN, "r+b") as f:
    plan = mmap.mmap(f.fileno(), 32)


def arm(first, number):
    """From then on allocations are counted, and so many of them fail (0, 0: none)."""
    plan[:] = struct.pack("=4Q", 0, 0, number, 0)
    plan[8:16] = struct.pack("=Q", first)


def disarm():
    """How many were counted, and how many failed."""
    count, _, _, failed = struct.unpack("=4Q", plan[:])
    plan[8:16] = struct.pack("=Q", 0)
    return count, failed


def server_set(query):
    urllib.request.urlopen(CONTROL + "/" + query).read()


def ask(target, body=None, headers=None, method="POST", timeout=6):
    """(status, body, fields), or None if the connection is lost."""
    c = http.client.HTTPSConnection("127.0.0.1", PORT, timeout=timeout, context=context)
    try:
        c.request(method, target, body=body, headers=headers or {}, encode_chunked=isinstance(body, list))
        r = c.getresponse()
        return r.status, r.read(), dict(r.getheaders())
    except (OSError, http.client.HTTPException):
        return None
    finally:
        c.close()


def status_port(path):
    c = http.client.HTTPConnection("127.0.0.1", STATUS, timeout=6)
    try:
        c.request("GET", path, headers={"Accept": "application/openmetrics-text"} if path == "/metrics" else {})
        r = c.getresponse()
        return r.status, r.read(), {}
    except (OSError, http.client.HTTPException):
        return None
    finally:
        c.close()


serial = [0]


def relay():
    """A request of its own, in chunks, of 6,000 bytes; kept as an approval."""
    serial[0] += 1
    target = "/relay/%d" % serial[0]
    got = ask(target, [b"x" * 2000] * 3, {"Transfer-Encoding": "chunked", "Authorization": "Token t"})
    if got and got[0] == 200:
        told = json.loads(got[1])
        if told["target"] != target or told["body_size"] != 6000:
            return "the answer %s" % told
        return unmarked(got[2], "fwd=miss")
    return lost(got)


def unmarked(fields, sign):
    """What an answer lacks of its head: without Age, who chains proxies would trust it for longer."""
    if fields.get("Content-Type") != "application/json" or not fields.get("Via", "").startswith("1.1 license-proxy"):
        return "fields %s" % fields
    return None if sign in fields.get("Cache-Status", "") else "Cache-Status of %s" % fields


def lost(got):
    """What may become of an answer when memory is short; text: what may not."""
    if got is None:
        return False
    return False if got[0] in (502, 503, 504) else "status %d %r" % (got[0], got[1][:100])


def denied():
    """An approval, then a denial of the same: the approval must be gone whatever is short."""
    got = ask("/denied", b"d")
    return None if got and got[0] == 403 else lost(got)


def outage():
    """A kept approval, in an outage."""
    got = ask("/kept", b"k")
    if got and got[0] == 200:
        if json.loads(got[1])["target"] != "/kept":
            return "the answer %r" % got[1]
        return unmarked(got[2], "hit") or (None if got[2].get("Age", "").isdigit() else "no Age")
    return lost(got)


def unheard():
    got = ask("/unheard", b"u")
    return None if got and got[0] in (502, 504) else lost(got)


def page(path, sign):
    def get():
        got = status_port(path)
        if got and got[0] == 200:
            return None if sign in got[1] else "%r without %r" % (got[1][-200:], sign)
        return lost(got) if got is None or got[0] != 500 else False
    return get


def lines(word):
    with open(LOG, encoding="utf-8", errors="replace") as log:
        return len(re.findall(word, log.read()))


def reload():
    """SIGHUP; it either takes hold or is told to have failed, and all goes on as before."""
    before = lines('msg="?reload')
    os.kill(PID, signal.SIGHUP)
    if not hostile.wait_for(6, lambda: lines('msg="?reload') > before):
        return False  # a log line may be lost, too
    return None


def alive():
    with open("/proc/%d/stat" % PID, encoding="ascii") as f:
        return f.read().rsplit(") ", 1)[1][0] not in "ZX"


def check_all():
    """Whether all is as it was, with nothing armed; twice, for a circuit that is open is no fault."""
    return hostile.wait_for(8, lambda: relay() is None)


def sweep(name, operation, well=None):
    well = well or operation
    if not hostile.wait_for(10, lambda: well() is None):
        hostile.tell(False, name, "it doesn't work without a fault: %r" % (well(),))
        return
    arm(0, 0)
    operation()
    count, _ = disarm()
    faults, tries, hit = [], 0, 0
    begun = time.monotonic()
    for number in (1, 1 << 40):
        for first in range(1, count + 3):
            arm(first, number)
            fault = operation()
            _, failed = disarm()
            tries += 1
            hit += failed > 0
            if fault:
                faults.append("allocation %d: %s" % (first, fault))
            if not failed and fault is not None:
                faults.append("allocation %d: no fault, and %r" % (first, fault))
            if not alive():
                hostile.tell(False, name, "the process ended at allocation %d of %d" % (first, count))
                sys.exit(0)
            if not hostile.wait_for(8, lambda: well() is None):
                faults.append("allocation %d: the next one fails: %r" % (first, well()))
    hostile.tell(not faults and hit > 0, "%s: each of %d allocations fails" % (name, count), *faults[:10])
    print("# %d tries, %d hit, %.1f s" % (tries, hit, time.monotonic() - begun))


server_set("set?keep_alive=0")
sweep("a relay over a connection of its own", relay)
server_set("set?keep_alive=1")
sweep("a relay over a kept connection", relay)
ask("/kept", b"k")
server_set("set?only=/denied&status=403")
sweep("a denial", denied)
server_set("reset")
for path_, sign_ in (("/", b"</html>"), ("/metrics", b"# EOF\n"), ("/v1/details", b"}}"), ("/v1/certificates", b"}"), ("/v1/status", b'"state":"Connected"'), ("/livez", b"")):
    sweep("GET %s of the status port" % path_, page(path_, sign_))
sweep("a reload", reload)
ask("/kept", b"k")
server_set("set?listening=0")
hostile.wait_for(10, lambda: ask("/kept", b"k")[2].get("Cache-Status", "").find("hit") > 0)
sweep("an answer from trust", outage)
sweep("no answer from trust", unheard)
server_set("reset")
hostile.tell(check_all(), "all is well afterwards")
hostile.tell(lines("set aside") == 0, "no good file is set aside for want of memory")
