//! A destination that does not answer.

use std::net::{Ipv4Addr, SocketAddr};

use socket2::{Domain, SockAddr, Socket, Type};

/// An address where a connection is neither accepted nor refused: the queue of its listener is full.
pub fn unanswered() -> (Socket, Vec<Socket>, SocketAddr) {
    let listener = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
    listener.bind(&SockAddr::from(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)))).unwrap();
    listener.listen(0).unwrap();
    let address = listener.local_addr().unwrap();
    let queue = (0..4).map(|_| {
        let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
        socket.set_nonblocking(true).unwrap();
        let _ = socket.connect(&address);
        socket
    });
    let queue = queue.collect();
    (listener, queue, address.as_socket().unwrap())
}
