//! The example client, with proxies that fail or end early.

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::process::{Child, Command, Output, Stdio};
use std::thread::{self, JoinHandle};
use std::{env, fs};

use socks5_sansio::UserPass;
use socks5_sansio::blocking::{Anyone, Wire, accept};
use socks5_sansio::server::Asked;

/// `cargo test` builds the examples of a package before it runs the tests, but not with options such as `--test`.
fn client(proxy: SocketAddr) -> Command {
    let test = env::current_exe().unwrap();
    let program = test.parent().unwrap().parent().unwrap().join("examples/client");
    assert!(program.is_file(), "first run `cargo build --example client`");
    let mut command = Command::new(program);
    command.args(["--proxy", &proxy.to_string()]);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

/// Serves one client in a thread.
fn proxy<T: Send + 'static>(serve: impl FnOnce(TcpStream) -> T + Send + 'static) -> (SocketAddr, JoinHandle<T>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    (address, thread::spawn(move || serve(listener.accept().unwrap().0)))
}

/// Admits anyone and accepts CONNECT. The stream is then the tunnel.
fn tunnel(stream: TcpStream) -> TcpStream {
    let mut wire = Wire::server(stream);
    let ((), _, asked) = accept(&mut wire, &Anyone).unwrap();
    let Asked::Connect(permit) = asked else { panic!("{asked:?}") };
    wire.send(&permit.succeed("192.0.2.7:4660".try_into().unwrap())).unwrap();
    wire.into_stream()
}

fn stderr(output: &Output) -> &str {
    std::str::from_utf8(&output.stderr).unwrap()
}

/// Waits for the exit. Stdin stays open: `wait_with_output` would close it.
fn wait(child: &mut Child) -> Output {
    let mut output = Output { status: child.wait().unwrap(), stdout: Vec::new(), stderr: Vec::new() };
    child.stdout.take().unwrap().read_to_end(&mut output.stdout).unwrap();
    child.stderr.take().unwrap().read_to_end(&mut output.stderr).unwrap();
    output
}

#[test]
fn fails_if_the_proxy_does_not_answer_in_time() {
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = silent.local_addr().unwrap();
    for options in [&[][..], &["--optimistic"]] {
        let mut child =
            client(address).args(["--timeout", "1"]).args(options).args(["connect", "192.0.2.1:80"]).spawn();
        let output = wait(child.as_mut().unwrap());
        assert_eq!((stderr(&output), output.status.code()), ("error: timed out\n", Some(1)));
    }
}

#[test]
fn ends_when_the_proxy_closes_although_stdin_is_open() {
    let (address, serving) = proxy(|stream| tunnel(stream).write_all(b"goodbye").unwrap());
    let mut child = client(address).args(["connect", "192.0.2.1:80"]).spawn().unwrap();
    serving.join().unwrap();
    let output = wait(&mut child);
    assert_eq!((output.stdout.as_slice(), stderr(&output)), (b"goodbye".as_slice(), ""));
    assert!(output.status.success());
}

#[test]
fn sends_all_of_stdin_after_the_other_direction_has_ended() {
    const LEN: usize = 8 << 20;
    let (address, serving) = proxy(|stream| {
        let mut stream = tunnel(stream);
        stream.shutdown(Shutdown::Write).unwrap();
        stream.read_to_end(&mut Vec::new()).unwrap()
    });
    let mut child = client(address).args(["connect", "192.0.2.1:80"]).spawn().unwrap();
    child.stdin.take().unwrap().write_all(&vec![b'x'; LEN]).unwrap();
    assert_eq!(serving.join().unwrap(), LEN);
    assert!(wait(&mut child).status.success());
}

#[test]
fn takes_the_password_from_the_command_line_a_file_or_a_variable() {
    let file = env::temp_dir().join(format!("socks5-sansio-password-{}", std::process::id()));
    fs::write(&file, "s3cret\nanother line\n").unwrap();
    for (options, variable) in [
        (vec!["--password", "s3cret"], "another"),
        (vec!["--password-file", file.to_str().unwrap()], "another"),
        (vec![], "s3cret"),
    ] {
        let (address, serving) = proxy(|stream| {
            accept(&mut Wire::server(stream), &UserPass::new("alice", "s3cret").unwrap())
                .map(|(_, to, _)| to.to_string())
        });
        let mut command = client(address);
        command
            .args(["--user", "alice"])
            .args(options)
            .env("SOCKS5_PASSWORD", variable)
            .args(["connect", "192.0.2.1:80"]);
        let output = command.output().unwrap();
        assert_eq!(serving.join().unwrap().unwrap(), "192.0.2.1:80");
        assert!(stderr(&output).starts_with("error: the proxy closed"), "{}", stderr(&output));
    }
    fs::remove_file(file).unwrap();
}

#[test]
fn rejects_options_that_do_not_go_together() {
    for (options, error) in [
        (["--in-tcp", "hev"], "error: --fragment and --in-tcp are for udp\n"),
        (["--fragment", "9"], "error: --fragment and --in-tcp are for udp\n"),
        (
            ["--userid", "u"],
            "error: --socks4 is for connect and bind, not with --user or --optimistic; --userid needs --socks4\n",
        ),
        (["--password", "s3cret"], "error: a password needs --user\n"),
        (["--user", "alice"], "error: --user needs --password, --password-file or SOCKS5_PASSWORD\n"),
    ] {
        let mut command = client(([127, 0, 0, 1], 9).into());
        let output = command.args(options).env_remove("SOCKS5_PASSWORD").args(["connect", "h:1"]).output().unwrap();
        assert_eq!((stderr(&output), output.status.code()), (error, Some(1)));
    }
}
