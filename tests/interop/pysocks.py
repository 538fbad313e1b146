"""pysocks.py PROXY_HOST PROXY_PORT connect HOST PORT [USER PASSWORD]: says hello through a proxy, prints the answer."""
import socket
import sys

import socks

proxy_host, proxy_port, command, host, port, *credentials = sys.argv[1:]
username, password = credentials or (None, None)

stream = socks.socksocket(socket.AF_INET, socket.SOCK_STREAM)
stream.set_proxy(socks.SOCKS5, proxy_host, int(proxy_port), True, username, password)
stream.settimeout(30)
stream.connect((host, int(port)))
stream.sendall(b"hello")
print(stream.recv(5).decode())
