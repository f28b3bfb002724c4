"""Opens COUNT TLS connections to 127.0.0.1:PORT, has one request answered on each, says "held", and
keeps them open, idle, until its input ends. A connection that is closed meanwhile is told.

holder.py PORT COUNT
"""
import socket
import ssl
import sys

port, count = int(sys.argv[1]), int(sys.argv[2])
context = ssl.create_default_context()
context.check_hostname = False
context.verify_mode = ssl.CERT_NONE
held = []
for i in range(count):
    connection = context.wrap_socket(socket.create_connection(("127.0.0.1", port)))
    connection.sendall(b"POST /v1/held HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n{}")
    answer = b""
    while b"\r\n\r\n" not in answer:
        part = connection.recv(65536)
        if not part:
            sys.exit("connection %d was closed" % i)
        answer += part
    head, _, body = answer.partition(b"\r\n\r\n")
    length = next(int(line.split(b":")[1]) for line in head.lower().split(b"\r\n")
                  if line.startswith(b"content-length:"))
    while len(body) < length:
        body += connection.recv(65536)
    held.append(connection)
print("held", flush=True)
sys.stdin.read()
for connection in held:
    connection.setblocking(False)
    try:
        print("closed" if connection.recv(1) == b"" else "unasked")
    except ssl.SSLWantReadError:
        pass
