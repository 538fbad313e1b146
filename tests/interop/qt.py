"""qt.py PROXY_HOST PROXY_PORT connect|udp|bind HOST PORT [USER PASSWORD]: sends hello through a proxy, prints the answer.

For bind, the script is the peer that connects as well.
"""
import sys

from PyQt6.QtCore import QCoreApplication, QTimer
from PyQt6.QtNetwork import QHostAddress, QNetworkProxy, QTcpServer, QTcpSocket, QUdpSocket

proxy_host, proxy_port, command, host, port, *credentials = sys.argv[1:]
port = int(port)
app = QCoreApplication([])
proxy = QNetworkProxy(QNetworkProxy.ProxyType.Socks5Proxy, proxy_host, int(proxy_port), *credentials)


def fail(socket):
    print(socket.errorString(), file=sys.stderr)
    app.exit(1)


def done(data):
    print(data.decode())
    app.quit()


def prints_the_answer(socket):
    socket.errorOccurred.connect(lambda _: fail(socket))
    socket.readyRead.connect(lambda: done(socket.read(5)))


def connect():
    socket = QTcpSocket(app)
    socket.setProxy(proxy)
    prints_the_answer(socket)
    socket.connected.connect(lambda: socket.write(b"hello"))
    socket.connectToHost(host, port)


def udp():
    socket = QUdpSocket(app)
    socket.setProxy(proxy)
    socket.errorOccurred.connect(lambda _: fail(socket))
    socket.readyRead.connect(lambda: done(bytes(socket.receiveDatagram().data())))
    if not socket.bind():
        return fail(socket)
    socket.writeDatagram(b"hello", QHostAddress(host), port)


def accept(server):
    socket = server.nextPendingConnection()
    # the second reply, of 10 bytes, is the start of what Qt reads from the connection
    read = lambda: socket.bytesAvailable() >= 15 and done(socket.read(15)[10:])
    socket.readyRead.connect(read)
    read()


def bind():
    server = QTcpServer(app)
    server.setProxy(proxy)
    server.newConnection.connect(lambda: accept(server))
    if not server.listen(QHostAddress(host), port):
        return fail(server)
    peer = QTcpSocket(app)
    peer.setProxy(QNetworkProxy(QNetworkProxy.ProxyType.NoProxy))
    peer.connected.connect(lambda: peer.write(b"hello"))
    peer.connectToHost(server.serverAddress(), server.serverPort())


QTimer.singleShot(0, {"connect": connect, "udp": udp, "bind": bind}[command])
QTimer.singleShot(30_000, lambda: app.exit(2))
sys.exit(app.exec())
