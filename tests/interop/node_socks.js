// 4|5 PROXY_HOST PROXY_PORT connect|associate|bind HOST PORT [USER PASSWORD]: sends hello through a proxy, prints the answer.
// For bind, HOST is the peer that may connect, and the script is that peer as well.
const { SocksClient } = require('socks');
const dgram = require('dgram');
const net = require('net');

const [version, proxyHost, proxyPort, command, host, port, userId, password] = process.argv.slice(1);
const proxy = { host: proxyHost, port: Number(proxyPort), type: Number(version), userId, password };
const destination = { host, port: Number(port) };

function fail(error) {
  console.error(error.message);
  process.exit(1);
}

function done(data) {
  console.log(data.toString());
  process.exit(0);
}

async function connect() {
  const { socket } = await SocksClient.createConnection({ proxy, command: 'connect', destination });
  socket.on('data', done);
  socket.resume();
  socket.write('hello');
}

function associate() {
  const socket = dgram.createSocket('udp4');
  socket.on('message', (message) => done(SocksClient.parseUDPFrame(message).data));
  const client = new SocksClient({ proxy, command: 'associate', destination: { host: '0.0.0.0', port: 0 } });
  client.on('error', fail);
  client.on('established', ({ remoteHost }) => {
    const frame = SocksClient.createUDPFrame({ remoteHost: destination, data: Buffer.from('hello') });
    socket.send(frame, remoteHost.port, remoteHost.host);
  });
  client.connect();
}

function bind() {
  const client = new SocksClient({ proxy, command: 'bind', destination });
  client.on('error', fail);
  client.on('bound', ({ remoteHost }) => net.connect(remoteHost.port, remoteHost.host).on('error', fail).write('hello'));
  client.on('established', ({ socket }) => {
    socket.on('data', done);
    socket.resume();
  });
  client.connect();
}

Promise.resolve({ connect, associate, bind }[command]()).catch(fail);
