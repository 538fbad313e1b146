//! A TCP/IP stack with one connection, and a cable between two of them.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;

use smoltcp::iface::{Config, Interface, SocketHandle, SocketSet, SocketStorage};
use smoltcp::phy::{Device, DeviceCapabilities, Medium, RxToken, TxToken};
use smoltcp::socket::tcp::{ConnectError, Socket, SocketBuffer};
use smoltcp::time::Instant;
use smoltcp::wire::{HardwareAddress, IpAddress, IpCidr};

/// The longest packet on the cable, too short for some messages.
const MTU: usize = 80;

/// The storage for a stack's only socket.
pub const STORAGE: [SocketStorage<'static>; 1] = [SocketStorage::EMPTY];

pub struct Host<'a> {
    interface: Interface,
    end: End<'a>,
    sockets: SocketSet<'a>,
    socket: SocketHandle,
}

impl<'a> Host<'a> {
    /// A host whose address ends in `number`.
    pub fn new(
        number: u8,
        mut end: End<'a>,
        input: &'a mut [u8],
        output: &'a mut [u8],
        storage: &'a mut [SocketStorage<'a>],
    ) -> Self {
        let mut interface = Interface::new(Config::new(HardwareAddress::Ip), &mut end, Instant::ZERO);
        interface.update_ip_addrs(|own| _ = own.push(IpCidr::new(address(number), 24))); // there is room for the first
        let mut sockets = SocketSet::new(storage);
        let socket = sockets.add(Socket::new(SocketBuffer::new(input), SocketBuffer::new(output)));
        Self { interface, end, sockets, socket }
    }

    pub fn socket(&mut self) -> &mut Socket<'a> {
        self.sockets.get_mut(self.socket)
    }

    pub fn connect(&mut self, number: u8, port: u16) -> Result<(), ConnectError> {
        let socket = self.sockets.get_mut::<Socket<'_>>(self.socket);
        socket.connect(self.interface.context(), (address(number), port), 49_152)
    }

    /// Receives packets from the cable, and sends those that are due.
    pub fn turn(&mut self, now: Instant) -> &mut Socket<'a> {
        self.interface.poll(now, &mut self.end, &mut self.sockets);
        self.socket()
    }
}

fn address(number: u8) -> IpAddress {
    IpAddress::v4(192, 0, 2, number)
}

/// The packets in transit, in both directions.
#[derive(Default)]
pub struct Cable {
    there: Lane,
    back: Lane,
}

#[derive(Default)]
struct Lane {
    packets: RefCell<VecDeque<Vec<u8>>>,
    carried: Cell<usize>,
}

impl Cable {
    pub fn one_end(&self) -> End<'_> {
        End { incoming: &self.back, outgoing: &self.there }
    }

    pub fn other_end(&self) -> End<'_> {
        End { incoming: &self.there, outgoing: &self.back }
    }

    /// The number of packets sent.
    pub fn carried(&self) -> usize {
        self.there.carried.get() + self.back.carried.get()
    }
}

pub struct End<'a> {
    incoming: &'a Lane,
    outgoing: &'a Lane,
}

impl<'a> Device for End<'a> {
    type RxToken<'t>
        = Packet
    where
        Self: 't;
    type TxToken<'t>
        = Free<'a>
    where
        Self: 't;

    fn receive(&mut self, _: Instant) -> Option<(Packet, Free<'a>)> {
        let packet = self.incoming.packets.borrow_mut().pop_front()?;
        Some((Packet(packet), Free(self.outgoing)))
    }

    fn transmit(&mut self, _: Instant) -> Option<Free<'a>> {
        Some(Free(self.outgoing))
    }

    fn capabilities(&self) -> DeviceCapabilities {
        let mut capabilities = DeviceCapabilities::default();
        capabilities.medium = Medium::Ip;
        capabilities.max_transmission_unit = MTU;
        capabilities
    }
}

/// A received packet.
pub struct Packet(Vec<u8>);

impl RxToken for Packet {
    fn consume<R, F: FnOnce(&[u8]) -> R>(self, read: F) -> R {
        read(&self.0)
    }
}

/// Room for a packet to be sent.
pub struct Free<'a>(&'a Lane);

impl TxToken for Free<'_> {
    fn consume<R, F: FnOnce(&mut [u8]) -> R>(self, len: usize, write: F) -> R {
        let mut packet = vec![0; len];
        let outcome = write(&mut packet);
        self.0.packets.borrow_mut().push_back(packet);
        self.0.carried.set(self.0.carried.get() + 1);
        outcome
    }
}
