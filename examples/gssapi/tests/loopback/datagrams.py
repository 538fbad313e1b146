import socket
import sys

host, port, count, length = sys.argv[1], *map(int, sys.argv[2:])
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.settimeout(30)
for number in range(count):
    datagram = number.to_bytes(4, "big") + b"x" * (length - 4)
    s.sendto(datagram, (host, port))
    answer, source = s.recvfrom(65535)
    print(answer == datagram, *source)
