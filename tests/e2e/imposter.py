#!/usr/bin/python3
"""Something else than a license-proxy on a status port: answers every request with the bytes of
the file named first, or, when there is none, with a byte every 0.2 s and no end. Writes its port to
the file named last."""
import os
import socket
import sys
import threading
import time


def serve(connection):
    try:
        connection.recv(65536)
        if len(sys.argv) > 2:
            with open(sys.argv[1], "rb") as f:
                body = f.read()
            head = "HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body)
            connection.sendall(head.encode() + body)
        else:
            connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 60000\r\n\r\n")
            while True:
                connection.sendall(b" ")
                time.sleep(0.2)
    except OSError:
        pass
    connection.close()


listener = socket.create_server(("127.0.0.1", 0))
with open(sys.argv[-1] + ".new", "w", encoding="ascii") as f:
    f.write("%d\n" % listener.getsockname()[1])
os.rename(sys.argv[-1] + ".new", sys.argv[-1])
while True:
    threading.Thread(target=serve, args=(listener.accept()[0],), daemon=True).start()
