"""pysocks.py 4|4a|5 PROXY_HOST PROXY_PORT connect|udp HOST PORT [USER PASSWORD]: sends hello through a proxy, prints the answer."""
import socket
import sys

import socks

version, proxy_host, proxy_port, command, host, port, *credentials = sys.argv[1:]
username, password = credentials or (None, None)

kind = {"connect": socket.SOCK_STREAM, "udp": socket.SOCK_DGRAM}[command]
sock = socks.socksocket(socket.AF_INET, kind)
protocol = socks.SOCKS5 if version == "5" else socks.SOCKS4
sock.set_proxy(protocol, proxy_host, int(proxy_port), version != "4", username, password)
sock.settimeout(30)
if command == "connect":
    sock.connect((host, int(port)))
    sock.sendall(b"hello")
else:
    sock.sendto(b"hello", (host, int(port)))
print(sock.recv(5).decode())
