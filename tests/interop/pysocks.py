"""pysocks.py PROXY_HOST PROXY_PORT connect|udp HOST PORT [USER PASSWORD]: says hello through a proxy, prints the answer."""
import socket
import sys

import socks

proxy_host, proxy_port, command, host, port, *credentials = sys.argv[1:]
username, password = credentials or (None, None)

kind = {"connect": socket.SOCK_STREAM, "udp": socket.SOCK_DGRAM}[command]
sock = socks.socksocket(socket.AF_INET, kind)
sock.set_proxy(socks.SOCKS5, proxy_host, int(proxy_port), True, username, password)
sock.settimeout(30)
if command == "connect":
    sock.connect((host, int(port)))
    sock.sendall(b"hello")
else:
    sock.sendto(b"hello", (host, int(port)))
print(sock.recv(5).decode())
