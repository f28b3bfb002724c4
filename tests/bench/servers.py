#!/usr/bin/python3
"""The proxy beside nginx, HAProxy and Caddy, in figures: what a request costs, what a connection
costs, and what an outage is felt like. Prints tables and writes build/bench/servers.json; called by
`make bench`, never by `make check`.

All four have the same certificate (P-256), the same suite (ECDHE-ECDSA-AES128-GCM, TLS 1.2), one
thread, and the processor SERVER_CPU alone; the load and the origin have the other one. They run in a
network namespace of their own, which is what an outage is made in.

  relayed   the origin is asked, on a kept TLS connection, its certificate verified
  cached    license-proxy: the origin is stopped, its trusted answer serves; nginx: a cache hit
  handshake a full handshake and one request on each connection; license-proxy and nginx answer from
            their caches, HAProxy and Caddy have none and relay
  refused, blackholed    the origin's port is closed; packets to its address are dropped

BENCH_SECONDS    of each load (3); an outage takes 20, or five of it when it is set
BENCH_REPEATS    of each (3); outages and idle connections two thirds of it
BENCH_PARTS      some of "handshake cached relayed idle outage"
BENCH_SERVERS    a part of "license-proxy nginx haproxy caddy"
"""
import collections
import concurrent.futures
import ctypes
import json
import os
import re
import resource
import signal
import socket
import ssl
import statistics
import subprocess
import sys
import tempfile
import time

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
FETCHED = ROOT + "/build/fetched/bench"
LIBRARIES = ":".join(f"{FETCHED}{lib}/{os.uname().machine}-linux-gnu" for lib in ("/usr/lib", "/lib"))
SECONDS = float(os.environ.get("BENCH_SECONDS", "3"))
OUTAGE_SECONDS = 5 * SECONDS if "BENCH_SECONDS" in os.environ else 20
REPEATS = int(os.environ.get("BENCH_REPEATS", "3"))
FEWER = max(1, REPEATS * 2 // 3)
NAMES = os.environ.get("BENCH_SERVERS", "license-proxy nginx haproxy caddy").split()
PARTS = os.environ.get("BENCH_PARTS", "handshake cached relayed idle outage").split()
CPUS = sorted(os.sched_getaffinity(0))
SERVER_CPU, LOAD_CPU = CPUS[0], CPUS[-1]
ORIGIN = "10.9.9.9"
TARGET = "/v1/license"
CONNECTIONS = 16
HANDSHAKERS = 4
HOLDERS = 8
IDLE = (100, 1000, 4000)
SUITE = "ECDHE-ECDSA-AES128-GCM-SHA256"
OPENSSL_NAME = {"P-256": "prime256v1", "X25519": "X25519"}
PORTS = {"license-proxy": 8401, "nginx": 8402, "haproxy": 8403, "caddy": 8404}
BINARIES = {
    "license-proxy": ROOT + "/build/license-proxy",
    "nginx": FETCHED + "/usr/sbin/nginx",
    "haproxy": FETCHED + "/usr/sbin/haproxy",
    "caddy": FETCHED + "/usr/bin/caddy",
}
CACHES = ("license-proxy", "nginx")
TICK = os.sysconf("SC_CLK_TCK")
work = None


class Failed(Exception):
    pass


# ---- processes ---------------------------------------------------------------------------------


def dies_with_parent():
    ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG


def spawn(argv, cpu, log=None, env=None, **more):
    """Of the bench's own programs those that Debian has find the libraries unpacked beside them."""
    env = dict(os.environ if env is None else env)
    if argv[0].startswith(FETCHED):
        env["LD_LIBRARY_PATH"] = LIBRARIES
    if log:
        out = open(f"{work}/{log}.log", "ab")
        more.update(stdout=out, stderr=out)
    return subprocess.Popen(
        ["taskset", "-c", str(cpu)] + argv, env=env, stdin=more.pop("stdin", subprocess.DEVNULL),
        preexec_fn=dies_with_parent, **more)


def end(process):
    if process and process.poll() is None:
        process.terminate()
        try:
            process.wait(3)
        except subprocess.TimeoutExpired:
            for pid in reversed(family(process.pid)):
                os.kill(pid, signal.SIGKILL)
            process.wait()


def fields(pid):
    with open(f"/proc/{pid}/stat") as f:
        return f.read().rpartition(")")[2].split()


def family(pid):
    """The process and all that descend from it."""
    children = {}
    for name in os.listdir("/proc"):
        if name.isdigit():
            try:
                children.setdefault(int(fields(name)[1]), []).append(int(name))
            except OSError:
                pass
    found = [pid]
    for p in found:
        found += children.get(p, [])
    return found


def cpu_times(pid):
    """Seconds of user, of system, and of both by the scheduler's finer count, over the family."""
    user = system = exact = 0.0
    for p in family(pid):
        f = fields(p)
        user += int(f[11]) / TICK
        system += int(f[12]) / TICK
        for task in os.listdir(f"/proc/{p}/task"):
            with open(f"/proc/{p}/task/{task}/schedstat") as s:
                exact += int(s.read().split()[0]) / 1e9
    return user, system, exact


def memory(pid):
    """kB: RSS of the family, summed, and PSS, which counts what they share once."""
    rss = pss = 0
    for p in family(pid):
        with open(f"/proc/{p}/smaps_rollup") as f:
            text = f.read()
        rss += int(re.search(r"^Rss: *(\d+)", text, re.M)[1])
        pss += int(re.search(r"^Pss: *(\d+)", text, re.M)[1])
    return rss, pss


def write(name, text):
    path = f"{work}/{name}"
    with open(path, "w") as f:
        f.write(text)
    return path


def run(*argv):
    subprocess.run(argv, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)


# ---- the network, the origin, certificates -------------------------------------------------------


def alone():
    """Runs this program again in network and mount namespaces of its own."""
    if os.environ.get("BENCH_ALONE"):
        return
    os.environ["BENCH_ALONE"] = "1"
    namespaces = ["-n", "-m"] if os.geteuid() == 0 else ["-r", "-n", "-m"]
    os.execvp("unshare", ["unshare", *namespaces, "/usr/bin/python3", *sys.argv])


def network():
    run("ip", "link", "set", "lo", "up")
    run("ip", "link", "add", "hole", "type", "veth", "peer", "name", "bottom")
    for end_of_it in ("hole", "bottom"):
        run("ip", "link", "set", end_of_it, "up")
    run("ip", "addr", "add", "10.9.9.1/24", "dev", "hole")
    run("ip", "neigh", "replace", ORIGIN, "lladdr", "02:00:00:00:00:01", "dev", "hole", "nud",
        "permanent")
    reach(True)
    hosts = write("hosts", f"127.0.0.1 localhost\n{ORIGIN} origin.test\n")
    run("mount", "--bind", hosts, "/etc/hosts")


def reach(yes):
    """Without the address packets to it leave by another interface, for a neighbour who isn't."""
    subprocess.run(["ip", "addr", "add" if yes else "del", f"{ORIGIN}/32", "dev", "lo"],
                   stderr=subprocess.DEVNULL)


def certificates():
    def key(name):
        run("openssl", "ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out",
            f"{work}/{name}.key")
        os.chmod(f"{work}/{name}.key", 0o600)

    key("ca")
    run("openssl", "req", "-x509", "-new", "-key", f"{work}/ca.key", "-out", f"{work}/ca.crt",
        "-days", "30", "-subj", "/CN=bench")
    for name, names in (("server", "DNS:localhost,IP:127.0.0.1"), ("origin", "DNS:origin.test")):
        key(name)
        run("openssl", "req", "-new", "-key", f"{work}/{name}.key", "-subj", f"/CN={name}",
            "-out", f"{work}/{name}.csr")
        ext = write("ext", f"basicConstraints=critical,CA:FALSE\nkeyUsage=critical,digitalSignature\n"
                           f"extendedKeyUsage=serverAuth\nsubjectAltName={names}\n")
        run("openssl", "x509", "-req", "-in", f"{work}/{name}.csr", "-CA", f"{work}/ca.crt",
            "-CAkey", f"{work}/ca.key", "-CAcreateserial", "-days", "10", "-sha256", "-extfile", ext,
            "-out", f"{work}/{name}.crt")
    with open(f"{work}/server.crt") as c, open(f"{work}/server.key") as k:
        write("server.pem", c.read() + k.read())
    # The certificate's curve must be among those that a client tells.
    for curve, groups in (("P-256", "P-256"), ("X25519", "X25519:P-256")):
        write(f"{curve}.cnf", f"""openssl_conf = init
[init]
ssl_conf = ssl
[ssl]
system_default = tls
[tls]
MinProtocol = TLSv1.2
MaxProtocol = TLSv1.2
Groups = {groups}
Options = -SessionTicket
""")


NGINX = """daemon off;
worker_processes 1;
user root;
pid {dir}/nginx.pid;
error_log {dir}/error.log crit;
worker_rlimit_nofile 16384;
events {{ worker_connections 8192; }}
http {{
    access_log off;
    default_type application/json;
    client_body_temp_path {dir}/body; proxy_temp_path {dir}/temp; fastcgi_temp_path {dir}/f;
    uwsgi_temp_path {dir}/u; scgi_temp_path {dir}/s;
    keepalive_timeout 600s; keepalive_requests 1000000000;
    ssl_protocols TLSv1.2; ssl_ciphers {suite}; ssl_ecdh_curve X25519:prime256v1;
    ssl_session_cache off; ssl_session_tickets off;
{rest}
}}
"""

FRONT = """
    proxy_cache_path {dir}/cache keys_zone=answers:10m inactive=1h use_temp_path=off;
    upstream origin {{
        server origin.test:9443; keepalive 64; keepalive_requests 1000000000;
    }}
    proxy_http_version 1.1; proxy_set_header Connection ""; proxy_set_header Host origin.test;
    proxy_ssl_verify on; proxy_ssl_trusted_certificate {work}/ca.crt;
    proxy_ssl_name origin.test; proxy_ssl_server_name on; proxy_ssl_protocols TLSv1.2;
    proxy_connect_timeout 2s; proxy_read_timeout 2s; proxy_send_timeout 2s;
    proxy_cache_use_stale error timeout updating http_500 http_502 http_503 http_504;
    proxy_cache_key $request_method$request_uri$http_authorization;
    server {{
        listen 127.0.0.1:{port} ssl backlog=4096;
        ssl_certificate {work}/server.crt; ssl_certificate_key {work}/server.key;
        location / {{ proxy_pass https://origin; }}
        location /cached {{
            proxy_pass https://origin; proxy_cache answers; proxy_cache_valid 200 1h;
        }}
        location /stale {{
            proxy_pass https://origin; proxy_cache answers; proxy_cache_valid 200 1s;
        }}
    }}"""

HAPROXY = """global
    nbthread 1
    maxconn 8000
    tune.ssl.cachesize 0
    ssl-default-bind-options ssl-min-ver TLSv1.2 ssl-max-ver TLSv1.2 no-tls-tickets
    ssl-default-bind-ciphers {suite}
    ssl-default-server-options ssl-min-ver TLSv1.2 ssl-max-ver TLSv1.2
defaults
    mode http
    timeout connect 2s
    timeout client 600s
    timeout server 30s
    timeout http-keep-alive 600s
    http-reuse always
frontend services
    bind 127.0.0.1:{port} ssl crt {work}/server.pem curves X25519:P-256 alpn http/1.1
    default_backend origin
backend origin
    http-request set-header Host origin.test
    server origin origin.test:9443 ssl verify required ca-file {work}/ca.crt sni str(origin.test)
"""


def caddy_config(port):
    return json.dumps({
        "admin": {"disabled": True},
        "logging": {"logs": {"default": {"level": "ERROR"}}},
        "storage": {"module": "file_system", "root": f"{work}/caddy.dir"},
        "apps": {
            "http": {"servers": {"services": {
                "listen": [f"127.0.0.1:{port}"],
                "protocols": ["h1"],
                "idle_timeout": "10m",
                "automatic_https": {"disable": True},
                "tls_connection_policies": [{
                    "protocol_min": "tls1.2", "protocol_max": "tls1.2",
                    "cipher_suites": ["TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256"],
                    "curves": ["x25519", "secp256r1"], "alpn": ["http/1.1"],
                    "default_sni": "localhost"}],
                "routes": [{"handle": [{
                    "handler": "reverse_proxy",
                    "upstreams": [{"dial": "origin.test:9443"}],
                    "headers": {"request": {"set": {"Host": ["origin.test"]}}},
                    "transport": {
                        "protocol": "http", "dial_timeout": "2s",
                        "keep_alive": {"max_idle_conns_per_host": 64},
                        "tls": {"root_ca_pem_files": [f"{work}/ca.crt"],
                                "server_name": "origin.test"}}}]}]}}},
            "tls": {"certificates": {"load_files": [{"certificate": f"{work}/server.crt",
                                                     "key": f"{work}/server.key"}]},
                    "session_tickets": {"disabled": True}}}})


class Origin:
    """A fast nginx beside the load: a JSON answer of 2 kB."""

    def __init__(self):
        self.process = None
        folder = f"{work}/origin.dir"
        os.mkdir(folder)
        body = json.dumps({"license": "valid", "pad": "x" * 1960}).replace(" ", "")
        rest = f"""
    server {{
        listen {ORIGIN}:9443 ssl backlog=4096;
        ssl_certificate {work}/origin.crt; ssl_certificate_key {work}/origin.key;
        location / {{ return 200 '{body}'; }}
    }}"""
        self.conf = write("origin.conf", NGINX.format(dir=folder, suite=SUITE, rest=rest))

    def start(self):
        reach(True)
        if not self.process or self.process.poll() is not None:
            self.process = spawn([BINARIES["nginx"], "-e", "stderr", "-p", work, "-c", self.conf],
                                 LOAD_CPU, "origin")
            until(10, lambda: connects(ORIGIN, 9443), "the origin doesn't start")

    def stop(self):
        end(self.process)


def connects(host, port):
    try:
        socket.create_connection((host, port), 1).close()
        return True
    except OSError:
        return False


def until(seconds, test, what):
    deadline = time.monotonic() + seconds
    while not test():
        if time.monotonic() > deadline:
            raise Failed(what)
        time.sleep(0.01)


# ---- the servers ---------------------------------------------------------------------------------


class Server:
    def __init__(self, name):
        self.name, self.port, self.process = name, PORTS[name], None
        self.runs = 0

    def command(self):
        folder = f"{work}/{self.name}.{self.runs}.dir"
        os.mkdir(folder)
        values = dict(dir=folder, work=work, port=self.port, suite=SUITE)
        env = dict(os.environ)
        binary = BINARIES[self.name]
        if self.name == "license-proxy":
            settings = dict(
                host="127.0.0.1", port=self.port, status_host="127.0.0.1", status_port=8405,
                server_url="https://origin.test:9443", ca_file=f"{work}/ca.crt",
                tls_cert=f"{work}/server.crt", tls_key=f"{work}/server.key", connect_timeout="2s",
                tls_timeout="2s", answer_timeout="2s", relay_timeout="3s")
            env.update({"LICENSE_PROXY_" + k.upper(): str(v) for k, v in settings.items()})
            return [binary, "serve"], env
        if self.name == "nginx":
            rest = FRONT.format(**values)
            conf = write(f"nginx.{self.runs}.conf", NGINX.format(rest=rest, **values))
            return [binary, "-e", "stderr", "-p", folder, "-c", conf], env
        if self.name == "haproxy":
            return [binary, "-q", "-db", "-f", write("haproxy.cfg", HAPROXY.format(**values))], env
        env.update(GOMAXPROCS="1", HOME=folder, XDG_CONFIG_HOME=folder, XDG_DATA_HOME=folder)
        return [binary, "run", "--config", write("caddy.json", caddy_config(self.port))], env

    def start(self):
        """Returns the milliseconds from exec to the first answer."""
        self.runs += 1
        argv, env = self.command()
        client = context()
        began = time.monotonic()
        self.process = spawn(argv, SERVER_CPU, self.name, env)
        while True:
            try:
                status, _ = ask(self.port, TARGET, client)
                if status == 200:
                    return (time.monotonic() - began) * 1000
            except OSError:
                pass
            if self.process.poll() is not None or time.monotonic() > began + 20:
                raise Failed(f"{self.name} doesn't start: see {work}/{self.name}.log")
            time.sleep(0.0005)

    def stop(self):
        end(self.process)
        self.process = None

    def cached(self):
        """Has it answer from its cache: returns the target to ask for."""
        if self.name not in CACHES:
            return TARGET
        target = "/cached" if self.name == "nginx" else TARGET
        expect(self, target)
        if self.name == "license-proxy":
            origin.stop()
            expect(self, target)
        return target


def expect(server, target):
    status, _ = ask(server.port, target, context())
    if status != 200:
        raise Failed(f"{server.name} answers {status} for {target}")


def context():
    c = ssl.create_default_context(cafile=f"{work}/ca.crt")
    c.maximum_version = ssl.TLSVersion.TLSv1_2
    return c


def receive(s):
    """One response: its status and size."""
    data = b""
    while b"\r\n\r\n" not in data:
        more = s.recv(65536)
        if not more:
            raise OSError("closed")
        data += more
    head, _, body = data.partition(b"\r\n\r\n")
    length = re.search(rb"^content-length: *(\d+)", head, re.I | re.M)
    if length:
        while len(body) < int(length[1]):
            more = s.recv(65536)
            if not more:
                raise OSError("closed")
            body += more
    else:  # chunked, from Caddy and the like
        while not body.endswith(b"0\r\n\r\n"):
            more = s.recv(65536)
            if not more:
                break
            body += more
    return int(head.split()[1]), len(body)


def request(target, last=False):
    close = "Connection: close\r\n" if last else ""
    return f"GET {target} HTTP/1.1\r\nHost: localhost\r\n{close}\r\n".encode()


def ask(port, target, client, timeout=20):
    with socket.create_connection(("127.0.0.1", port), timeout) as plain:
        with client.wrap_socket(plain, server_hostname="localhost") as s:
            s.sendall(request(target, True))
            return receive(s)


# ---- loads ---------------------------------------------------------------------------------------


def client_env(curve):
    return dict(os.environ, OPENSSL_CONF=f"{work}/{curve}.cnf")


class Meter:
    """The processor time of a server from here to there."""

    def __init__(self, server):
        self.pid = server.process.pid
        self.before = cpu_times(self.pid)
        self.began = time.monotonic()

    def read(self, requests):
        if not requests:
            raise Failed("no request was answered")
        took = time.monotonic() - self.began
        user, system, exact = (b - a for a, b in zip(self.before, cpu_times(self.pid)))
        share = user / (user + system) if user + system else 0
        return {"cpu_us": exact / requests * 1e6, "user_us": exact * share / requests * 1e6,
                "system_us": exact * (1 - share) / requests * 1e6, "requests": requests,
                "rate": requests / took}


UNITS = {"us": 0.001, "ms": 1.0, "s": 1000.0, "m": 60000.0}


def keep_alive(server, target, seconds=SECONDS, connections=CONNECTIONS):
    """wrk: one request after another on each of some connections."""
    wrk = spawn([FETCHED + "/usr/bin/wrk", "-t1", f"-c{connections}", f"-d{max(1, round(seconds))}s",
                 "--latency", "--timeout", "60s", f"https://127.0.0.1:{server.port}{target}"],
                LOAD_CPU, env=client_env("P-256"), stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                text=True)
    meter = Meter(server)
    text = wrk.communicate()[0]
    if "requests in" not in text or "Non-2xx" in text or re.search(r"(read|write) [1-9]", text):
        raise Failed(f"{server.name}: {text}")
    result = meter.read(int(re.search(r"(\d+) requests in", text)[1]))
    result["rate"] = float(re.search(r"Requests/sec: *([\d.]+)", text)[1])
    for percent in ("50", "90", "99"):
        value, unit = re.search(rf"^ *{percent}% *([\d.]+)(us|ms|s|m)", text, re.M).groups()
        result[f"p{percent}_ms"] = float(value) * UNITS[unit]
    value, unit = re.search(r"Latency(?: +[\d.]+\w+){2} +([\d.]+)(us|ms|s|m)", text).groups()
    result["max_ms"] = float(value) * UNITS[unit]
    return result


def handshakes(server, target, curve):
    """A connection for each request: some clients at once for the cost, then one for the time."""
    told = subprocess.run(["openssl", "s_client", "-connect", f"127.0.0.1:{server.port}"], text=True,
                          env=client_env(curve), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.DEVNULL).stdout
    said = re.findall(r"Server Temp Key: .*|Cipher is .*", told)
    if not re.search(f" {OPENSSL_NAME[curve]},.*Cipher is {SUITE}", " ".join(said)):
        raise Failed(f"{server.name} has another curve or suite: {said}")
    meter = Meter(server)
    loaders = [
        spawn(["openssl", "s_time", "-connect", f"127.0.0.1:{server.port}", "-new", "-www", target,
               "-time", str(max(1, round(SECONDS)))],
              LOAD_CPU, env=client_env(curve), stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
              text=True)
        for _ in range(HANDSHAKERS)]
    count = 0
    for loader in loaders:
        text = loader.communicate()[0]
        found = re.search(r"^(\d+) connections in \d+ real seconds, (\d+) bytes", text, re.M)
        if loader.returncode or not found or int(found[2]) < 2000:
            raise Failed(f"{server.name}: {text}")
        count += int(found[1])
    result = meter.read(count)
    one = spawn(["/usr/bin/python3", __file__, "ask-often", work, str(server.port), target,
                 str(SECONDS / 3)], LOAD_CPU, env=client_env(curve), stdout=subprocess.PIPE, text=True)
    times = sorted(json.loads(one.communicate()[0]))
    result["p50_ms"] = times[len(times) // 2]
    result["p99_ms"] = times[len(times) * 99 // 100]
    return result


def ask_often(port, target, seconds):
    client = context()
    times = []
    until_when = time.monotonic() + seconds
    while time.monotonic() < until_when:
        began = time.monotonic()
        ask(port, target, client)
        times.append((time.monotonic() - began) * 1000)
    print(json.dumps(times))


def hold(port, target):
    """Each line of input says how many connections, each once used, to hold from now on. On a busy
    machine opening them takes longer than servers let them be idle: then they are used again."""
    client = context()
    held = collections.deque()  # the longest idle first
    wanted = 0

    def use(s):
        s.settimeout(60)
        s.sendall(request(target))
        if receive(s)[0] != 200:
            raise OSError("refused")
        s.setblocking(False)
        held.append((s, time.monotonic()))

    def work_on():
        while len(held) < wanted:
            if time.monotonic() > deadline:
                raise OSError("too slow: the machine is too busy for idle connections")
            if held and held[0][1] < time.monotonic() - 50:
                use(held.popleft()[0])
            elif next(opening, None) is not None:
                use(client.wrap_socket(socket.create_connection(("127.0.0.1", port), 60),
                                       server_hostname="localhost"))
            else:
                break

    for line in sys.stdin:
        wanted = int(line)
        deadline = time.monotonic() + 180
        opening = iter(range(wanted - len(held)))
        with concurrent.futures.ThreadPoolExecutor(HOLDERS) as pool:
            for done in [pool.submit(work_on) for _ in range(HOLDERS)]:
                done.result()
        while len(held) > wanted:
            held.pop()[0].close()
        lost = wanted - len(held)
        for s, _ in held:
            try:
                socket.socket.recv(s, 1, socket.MSG_PEEK)  # the end, or the alert before it
                lost += 1
            except BlockingIOError:
                pass
        print(lost, flush=True)


def idle(server, target):
    """Memory at some numbers of idle connections, and what the most of them cost a request."""
    resting = memory(server.process.pid)
    result = {"rest_kb": resting[0], "rest_pss_kb": resting[1]}
    holder = spawn(["/usr/bin/python3", __file__, "hold", work, str(server.port), target], LOAD_CPU,
                   env=client_env("P-256"), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def holds(number):
        holder.stdin.write(f"{number}\n")
        holder.stdin.flush()
        lost = holder.stdout.readline().strip()
        if lost != "0":
            raise Failed(f"{server.name} closed {lost or 'all'} of {number} idle connections")

    for number in IDLE:
        holds(number)
        time.sleep(0.3)
        rss, pss = memory(server.process.pid)
        result[f"rss_{number}_kb"] = rss
        result[f"per_{number}_bytes"] = (rss - resting[0]) * 1024 / number
    most = keep_alive(server, target)
    holds(IDLE[0])
    least = keep_alive(server, target)
    result["cpu_100_us"], result["cpu_4000_us"] = least["cpu_us"], most["cpu_us"]
    result["cpu_growth"] = most["cpu_us"] / least["cpu_us"]
    end(holder)
    return result


def outage(server, kind):
    """Normal times, the first answer when it begins, and the time after that."""
    target = "/stale" if server.name == "nginx" else TARGET
    result = {"normal": keep_alive(server, target)}
    if kind == "refused":
        origin.stop()
    else:
        reach(False)
    time.sleep(1.5)  # nginx's entry expires
    began = time.monotonic()
    expect(server, target)
    result["first_ms"] = (time.monotonic() - began) * 1000
    result["outage"] = keep_alive(server, target, OUTAGE_SECONDS)
    return result


# ---- the whole -----------------------------------------------------------------------------------


def size_kb(name):
    """Of the executable, and of the shared libraries that it is linked to."""
    binary = BINARIES[name]
    ldd = subprocess.run(["ldd", binary], env=dict(os.environ, LD_LIBRARY_PATH=LIBRARIES),
                         stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True).stdout
    libraries = set(re.findall(r"(/\S+) \(0x", ldd))
    return (os.path.getsize(binary) / 1000,
            sum(os.path.getsize(os.path.realpath(f)) for f in libraries) / 1000)


def version(name):
    argv = {"license-proxy": ["version"], "nginx": ["-v"], "haproxy": ["-v"], "caddy": ["version"]}
    p = subprocess.run([BINARIES[name]] + argv[name], text=True, stdout=subprocess.PIPE,
                       stderr=subprocess.STDOUT, env=dict(os.environ, LD_LIBRARY_PATH=LIBRARIES))
    return p.stdout.split("\n")[0]


def middle(samples):
    """The median of each figure of equal trees."""
    if isinstance(samples[0], dict):
        return {k: middle([s[k] for s in samples]) for k in samples[0]}
    return statistics.median(samples)


def measure(names):
    samples = {n: {} for n in names}
    servers = {n: Server(n) for n in names}

    def take(part, kind, measurement, repeats, of=names):
        if part not in PARTS:
            return
        for repeat in range(repeats):
            for name in of:
                server = servers[name]
                print(f"\r\033[K{kind}, {name}, {repeat + 1} of {repeats}", end="", file=sys.stderr,
                      flush=True)
                origin.start()
                start = server.start()
                samples[name].setdefault("start_ms", []).append(start)
                try:
                    samples[name].setdefault(kind, []).append(measurement(server))
                finally:
                    server.stop()

    caches = [n for n in names if n in CACHES]
    for curve in ("P-256", "X25519"):
        take("handshake", f"handshake {curve}", lambda s, c=curve: handshakes(s, s.cached(), c), REPEATS)
    take("cached", "cached", lambda s: keep_alive(s, s.cached()), REPEATS, caches)
    take("relayed", "relayed", lambda s: keep_alive(s, TARGET), REPEATS)
    take("idle", "idle", lambda s: idle(s, s.cached()), FEWER)
    for kind in ("refused", "blackholed"):
        take("outage", kind, lambda s, k=kind: outage(s, k), FEWER, caches)
    print("\r\033[K", end="", file=sys.stderr)
    return samples


def at(tree, path):
    for key in path.split("/"):
        if tree is None or key not in tree:
            return None
        tree = tree[key]
    return tree


def number(value):
    if value is None:
        return "-"
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}" if value < 1 else f"{value:.1f}"


ROWS = (
    ("CPU µs: full handshake and a request, P-256", "handshake P-256/cpu_us"),
    ("CPU µs: full handshake and a request, X25519", "handshake X25519/cpu_us"),
    ("CPU µs: keep-alive, cached", "cached/cpu_us"),
    ("CPU µs: keep-alive, relayed", "relayed/cpu_us"),
    ("requests/s: full handshakes, P-256", "handshake P-256/rate"),
    ("requests/s: full handshakes, X25519", "handshake X25519/rate"),
    ("requests/s: keep-alive, cached", "cached/rate"),
    ("requests/s: keep-alive, relayed", "relayed/rate"),
    ("ms p50: full handshakes, X25519", "handshake X25519/p50_ms"),
    ("ms p99: full handshakes, X25519", "handshake X25519/p99_ms"),
    ("ms p50: keep-alive, cached", "cached/p50_ms"),
    ("ms p99: keep-alive, cached", "cached/p99_ms"),
    ("ms p50: keep-alive, relayed", "relayed/p50_ms"),
    ("ms p99: keep-alive, relayed", "relayed/p99_ms"),
    ("kB RSS at rest, all processes", "idle/rest_kb"),
    ("kB PSS at rest: what is shared counts once", "idle/rest_pss_kb"),
    ("bytes an idle TLS connection, 1,000", "idle/per_1000_bytes"),
    ("bytes an idle TLS connection, 4,000", "idle/per_4000_bytes"),
    ("kB RSS with 100 idle", "idle/rss_100_kb"),
    ("kB RSS with 4,000 idle", "idle/rss_4000_kb"),
    ("CPU µs a request beside 100 idle", "idle/cpu_100_us"),
    ("CPU µs a request beside 4,000 idle", "idle/cpu_4000_us"),
    ("ms from exec to the first answer", "start_ms"),
    ("kB executable", "size_kb"),
    ("kB shared libraries beside it", "libraries_kb"),
    ("ms p99 before the outage", "blackholed/normal/p99_ms"),
    ("ms p50 upstream refused", "refused/outage/p50_ms"),
    ("ms p99 upstream refused", "refused/outage/p99_ms"),
    ("ms max upstream refused", "refused/outage/max_ms"),
    ("ms p50 upstream blackholed", "blackholed/outage/p50_ms"),
    ("ms p99 upstream blackholed", "blackholed/outage/p99_ms"),
    ("ms max upstream blackholed", "blackholed/outage/max_ms"),
    ("ms first answer in a blackhole", "blackholed/first_ms"),
)


def table(medians, names):
    """The last column: ours against the better of nginx and HAProxy."""
    print(f"{'':46}" + "".join(f"{n:>17}" for n in names) + f"{'ratio':>9}")
    ratios = {}
    for title, path in ROWS:
        values = {n: at(medians[n], path) for n in names}
        if not any(values.values()):
            continue
        others = [values[n] for n in ("nginx", "haproxy") if values.get(n)]
        ratio = ""
        if others and values.get("license-proxy"):
            best = max(others) if "requests/s" in title else min(others)
            ratios[path] = values["license-proxy"] / best
            ratio = f"{ratios[path]:.2f}"
            if ratios[path] < 0.01:
                ratio = f"{ratios[path]:.4f}"

        def cell(n):
            split = at(medians[n], path.replace("cpu_us", "user_us")), \
                at(medians[n], path.replace("cpu_us", "system_us"))
            if "/cpu_us" in path and None not in split:
                return f"{number(values[n])} ({split[0]:.0f}+{split[1]:.0f})"
            return number(values[n])

        print(f"{title:46}" + "".join(f"{cell(n):>17}" for n in names) + f"{ratio:>9}")
    return ratios


def main():
    global work, origin
    if len(sys.argv) > 2 and sys.argv[1] in ("hold", "ask-often"):
        work = sys.argv[2]
        if sys.argv[1] == "hold":
            hold(int(sys.argv[3]), sys.argv[4])
        else:
            ask_often(int(sys.argv[3]), sys.argv[4], float(sys.argv[5]))
        return
    alone()
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    if hard != resource.RLIM_INFINITY and hard < max(IDLE) + 200:
        sys.exit(f"bench: only {hard} descriptors a process; raise ulimit -Hn")
    if SERVER_CPU == LOAD_CPU:
        print("bench: one processor for servers and load; the rates tell little", file=sys.stderr)
    os.sched_setaffinity(0, {LOAD_CPU})
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    with tempfile.TemporaryDirectory(prefix="license-proxy-bench.") as work:
        os.chmod(work, 0o755)
        network()
        certificates()
        origin = Origin()
        began = time.time()
        try:
            samples = measure(NAMES)
        except Failed as e:
            sys.exit(f"bench: {e}")
        finally:
            origin.stop()
    medians = {n: middle_of(samples[n]) for n in NAMES}
    for n in NAMES:
        medians[n]["size_kb"], medians[n]["libraries_kb"] = size_kb(n)
    versions = {n: version(n) for n in NAMES}
    ratios = table(medians, NAMES)
    print(f"\nCPU: user+system of all the server's processes; the ratio is to the better of nginx and"
          f" HAProxy.\nMedians of {REPEATS} ({FEWER} for idle connections and outages), loads of "
          f"{SECONDS:g} s, outages {OUTAGE_SECONDS:g} s, {CONNECTIONS} connections of wrk or "
          f"{HANDSHAKERS} of s_time.\nAll give a connection and an answer 2 s; nginx: "
          f"proxy_cache_use_stale, its entry expired.\n{'; '.join(versions.values())}")
    os.makedirs(f"{ROOT}/build/bench", exist_ok=True)
    with open(f"{ROOT}/build/bench/servers.json", "w") as f:
        json.dump({"date": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(began)),
                   "took_s": round(time.time() - began), "cpus": len(CPUS), "seconds": SECONDS,
                   "outage_seconds": OUTAGE_SECONDS, "repeats": REPEATS, "versions": versions,
                   "medians": medians, "ratios": ratios, "samples": samples}, f, indent=1)
        f.write("\n")


def middle_of(kinds):
    return {kind: middle(samples) for kind, samples in kinds.items()}


if __name__ == "__main__":
    main()
