"""What the hostile tests share: results, which a shell test counts (take_results of lib.sh), clients
that send bytes as they are, and a license server that answers with bytes as they are."""
import os
import re
import socket
import ssl
import struct
import sys
import threading
import time


def tell(good, what, *notes):
    """One result; the notes only if it isn't good."""
    print(("ok " if good else "not ok ") + what)
    for note in () if good else notes:
        for line in str(note).splitlines():
            print("# " + line[:300])
    return good


def connect(port, timeout=10.0):
    s = socket.create_connection(("127.0.0.1", port), timeout)
    s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return s


def reset(s):
    """Ends a connection by RST."""
    s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    s.close()


def send(s, data, step=0):
    """All of it, or step bytes a packet. A peer that has had enough is no error."""
    try:
        for i in range(0, len(data), step or max(1, len(data))):
            s.sendall(data[i:i + step] if step else data)
    except OSError:
        pass


def read_all(s):
    """Until the peer ends. Whether it did so within the socket's timeout, and what it sent."""
    got = b""
    try:
        while True:
            data = s.recv(65536)
            if not data:
                return True, got
            got += data
    except socket.timeout:
        return False, got
    except OSError:
        return True, got


def split_responses(data, to_head=False):
    """Simple and strict: a list of (status, fields, body), or None if it is not whole responses."""
    out = []
    while data:
        head, mark, data = data.partition(b"\r\n\r\n")
        lines = head.split(b"\r\n")
        if not mark or not re.fullmatch(rb"HTTP/1\.1 [1-5][0-9][0-9] [ -~]*", lines[0]):
            return None
        fields = [line.split(b": ", 1) for line in lines[1:]]
        if any(len(f) != 2 for f in fields):
            return None
        fields = [(name.lower(), value) for name, value in fields]
        status = int(lines[0][9:12])
        lengths = [int(value) for name, value in fields if name == b"content-length"]
        if status < 200:
            continue
        length = lengths[0] if lengths and not to_head and status not in (204, 304) else 0
        if len(lengths) > 1 or len(data) < length:
            return None
        out.append((status, fields, data[:length]))
        data = data[length:]
    return out


def values(fields, name):
    return [value for n, value in fields if n == name]


class Server:
    """A license server on a port of its own. Each request's target is looked up in `script`, whose
    functions are called with the connection (a TLS socket) and the request's bytes; a function that
    returns False ends the connection. What was received is in `seen`."""

    def __init__(self, cert, key, script, default):
        self.script, self.default, self.seen, self.lock = script, default, [], threading.Lock()
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.load_cert_chain(cert, key)
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=200)
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self.accept, daemon=True).start()

    def tell_port(self, path):
        """Writes its port to a file, and waits for numbers in path.proxy, which it
        returns: the proxy's port first."""
        with open(path + ".new", "w", encoding="ascii") as f:
            f.write("%d\n" % self.port)
        os.rename(path + ".new", path)
        if not wait_for(30, lambda: os.path.exists(path + ".proxy")):
            sys.exit("no proxy")
        with open(path + ".proxy", encoding="ascii") as f:
            return [int(word) for word in f.read().split()]

    def accept(self):
        while True:
            peer = self.listener.accept()[0]
            threading.Thread(target=self.serve, args=(peer,), daemon=True).start()

    def serve(self, peer):
        peer.settimeout(30)
        peer.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        data = b""
        try:
            s = self.context.wrap_socket(peer, server_side=True, suppress_ragged_eofs=False)
            while True:
                while b"\r\n\r\n" not in data:
                    more = s.recv(65536)
                    if not more:
                        return
                    data += more
                head, _, rest = data.partition(b"\r\n\r\n")
                length = re.search(rb"\r\nContent-Length: (\d+)", head)
                length = int(length.group(1)) if length else 0
                while len(rest) < length:
                    rest += s.recv(65536)
                data = rest[length:]
                target = head.split(b" ")[1].decode()
                with self.lock:
                    self.seen.append((target, head, rest[:length]))
                if self.script.get(target, self.default)(s, target) is False:
                    return
        except (OSError, ValueError):
            pass
        finally:
            peer.close()


def end_tls(s):
    """close_notify, then the end."""
    try:
        s.settimeout(1)
        s.unwrap().close()
    except (OSError, ValueError):
        pass
    return False


def in_parallel(jobs, at_once):
    """Runs functions, so many at a time, and returns what they returned in their order."""
    results, todo, lock = [None] * len(jobs), list(enumerate(jobs)), threading.Lock()

    def work():
        while True:
            with lock:
                if not todo:
                    return
                i, job = todo.pop(0)
            results[i] = job()

    threads = [threading.Thread(target=work) for _ in range(at_once)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    return results


def wait_for(seconds, condition):
    """Until it holds. Whether it did."""
    until = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > until:
            return False
        time.sleep(0.02)
    return True
