"""Descriptors that run out, in a proxy that was started with a limit of 256.

  descriptors.py PORT STATUS_PORT CONTROL_URL PID
"""
import http.client
import os
import resource
import ssl
import sys
import time
import urllib.request

import hostile
import hostile_tls as t

PORT, STATUS, CONTROL, PID = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3], int(sys.argv[4])
LIMIT, ROOM = 256, 64  # 128 are kept for relays and files, 64 for the status port
context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
context.check_hostname, context.verify_mode = False, ssl.CERT_NONE


def fetch(target, timeout=10):
    c = http.client.HTTPSConnection("127.0.0.1", PORT, timeout=timeout, context=context)
    try:
        return ask(c, target)
    except OSError as e:
        return 0, repr(e)
    finally:
        c.close()


def ask(c, target):
    """Over a connection that is open, or is opened."""
    c.request("POST", target, body=b"x")
    r = c.getresponse()
    r.read()
    return r.status, r.headers.get("Cache-Status", "")


def livez():
    start = time.monotonic()
    try:
        ok = urllib.request.urlopen("http://127.0.0.1:%d/livez" % STATUS, timeout=5).read() == b"ok\n"
    except OSError:
        return False
    return ok and time.monotonic() - start < 1


def cpu():
    """Ticks (of 10 ms) that the process has used."""
    with open("/proc/%d/stat" % PID, encoding="ascii") as f:
        words = f.read().rsplit(") ", 1)[1].split()
    return int(words[11]) + int(words[12])


def idle_cpu(seconds):
    before = cpu()
    time.sleep(seconds)
    return cpu() - before


def descriptors():
    return len(os.listdir("/proc/%d/fd" % PID))


def is_dense():
    """Whether the next descriptor would have the number of those that are open."""
    return not os.path.exists("/proc/%d/fd/%d" % (PID, descriptors()))


def limit(number):
    """Not below what is open: poll(2) takes no more entries than that."""
    resource.prlimit(PID, resource.RLIMIT_NOFILE, (number, LIMIT))


def opened(number, data=b""):
    out = []
    for _ in range(number):
        s = hostile.connect(PORT)
        hostile.send(s, data)
        out.append(s)
    return out


def end(connections):
    for s in connections:
        hostile.reset(s)


# ---- more clients than the limit has room for

silent = opened(220)
time.sleep(0.3)
hostile.tell(fetch("/silent")[0] == 200, "a request among 220 silent connections is answered")
hostile.tell(livez(), "and so is the status port")
used = descriptors()
hostile.tell(ROOM <= used < ROOM + 40, "the oldest were closed: %d descriptors are in use" % used)
end(silent)

busy = opened(ROOM + 60, t.record(t.HANDSHAKE, t.client_hello())[:50])
time.sleep(0.3)
hostile.tell(livez(), "%d connections in their handshake: the status port answers" % len(busy))
hostile.tell(idle_cpu(1) <= 5, "and no time is spent on those that wait")
hostile.tell(descriptors() < ROOM + 40, "nor a descriptor", descriptors())
end(busy)
hostile.tell(fetch("/busy")[0] == 200, "the next request is answered when they have ended")

# ---- none at all

hostile.tell(fetch("/kept")[0] == 200, "an approval is kept")
client = http.client.HTTPSConnection("127.0.0.1", PORT, timeout=10, context=context)
client.connect()
probe = http.client.HTTPConnection("127.0.0.1", STATUS, timeout=5)
probe.connect()
hostile.wait_for(3, is_dense)
limit(descriptors())
waiting = opened(30, t.record(t.HANDSHAKE, t.client_hello()))
time.sleep(0.3)
spent = idle_cpu(2)
hostile.tell(spent <= 5, "no descriptor is left: accepting pauses, without spinning", "%d ticks" % spent)
probe.request("GET", "/livez")
hostile.tell(probe.getresponse().read() == b"ok\n", "an open connection to the status port is served")
got = ask(client, "/kept")
hostile.tell(got[0] == 200 and "hit" in got[1], "and one to the licensing port, from trust", got)
got = ask(client, "/unheard")
hostile.tell(got[0] == 504, "what was never approved is told why", got)
limit(LIMIT)
hostile.tell(hostile.wait_for(5, livez), "with descriptors again the status port accepts")
hostile.tell(all(s.recv(1) == b"\x16" for s in waiting), "and those that waited are served")
end(waiting)
hostile.tell(hostile.wait_for(10, lambda: fetch("/well") == (200, "license-proxy; fwd=miss; stored")), "all is well", fetch("/well"))

# ---- one or two too few, at each place that needs one

for spare in range(5):
    probe.request("GET", "/livez")
    probe.getresponse().read()
    hostile.wait_for(3, lambda: fetch("/spare/%d" % spare)[0] == 200)
    hostile.wait_for(3, is_dense)
    limit(descriptors() + spare)
    answers = [fetch("/spare/%d" % spare, 1)[0] for _ in range(3)]
    limit(LIMIT)
    hostile.tell(set(answers) <= {200, 0, 504} and hostile.wait_for(5, lambda: fetch("/well")[0] == 200),
                 "%d descriptors more than in use: answers, or none, and all is well afterwards" % spare, answers)
