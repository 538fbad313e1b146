import java.net.InetSocketAddress;
import java.net.Socket;

/** HOST PORT: sends hello, prints the answer. The proxy is in the properties, and the name is resolved here. */
class Hello {
    public static void main(String[] args) throws Exception {
        try (Socket socket = new Socket()) {
            socket.connect(new InetSocketAddress(args[0], Integer.parseInt(args[1])));
            socket.getOutputStream().write("hello".getBytes());
            System.out.println(new String(socket.getInputStream().readNBytes(5)));
        }
    }
}
