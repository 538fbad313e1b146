//! A server program under load.

use std::fs;
use std::io::{self, BufRead, BufReader, ErrorKind};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use socks5_sansio::UserPass;

const USER: &str = "alice";
const PASSWORD: &str = "s3cret";
/// Longer than any scenario: clients that stop halfway stay.
const HANDSHAKE_TIMEOUT: &str = "600";

pub struct Server {
    process: Child,
    pub address: SocketAddr,
    has_user: bool,
}

/// What a process holds.
#[derive(Clone, Copy)]
pub struct Usage {
    pub resident_kib: u64,
    pub descriptors: usize,
}

impl Server {
    /// With a limit of descriptors, if one is given.
    pub fn start(program: &Path, has_user: bool, descriptors: Option<&str>) -> io::Result<Self> {
        let mut command = Command::new("prlimit");
        command.args(descriptors.map(|limit| format!("--nofile={limit}:{limit}"))).arg(program);
        command.args(["--listen", "127.0.0.1:0", "--handshake-timeout", HANDSHAKE_TIMEOUT]);
        if has_user {
            command.args(["--user", USER, "--password", PASSWORD]);
        }
        let process = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn()?;
        let mut server = Self { process, address: ([127, 0, 0, 1], 0).into(), has_user };
        server.address = server.read_address()?;
        Ok(server)
    }

    fn read_address(&mut self) -> io::Result<SocketAddr> {
        let stdout = self.process.stdout.as_mut().ok_or(ErrorKind::BrokenPipe)?;
        let mut line = String::new();
        BufReader::new(stdout).read_line(&mut line)?;
        let address = line.trim().strip_prefix("listening on ").and_then(|address| address.parse().ok());
        address.ok_or_else(|| io::Error::new(ErrorKind::InvalidData, format!("no address in {line:?}")))
    }

    pub fn credentials(&self) -> io::Result<Option<UserPass<'static>>> {
        Ok(if self.has_user { Some(UserPass::new(USER, PASSWORD)?) } else { None })
    }

    pub fn usage(&self) -> io::Result<Usage> {
        let folder = format!("/proc/{}", self.process.id());
        let status = fs::read_to_string(format!("{folder}/status"))?;
        let resident = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let resident_kib = resident.and_then(|value| value.trim().trim_end_matches(" kB").parse().ok());
        Ok(Usage {
            resident_kib: resident_kib.ok_or(ErrorKind::InvalidData)?,
            descriptors: fs::read_dir(format!("{folder}/fd"))?.count(),
        })
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
