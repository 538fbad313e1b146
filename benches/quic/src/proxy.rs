//! A proxy in its own process, and the processor time that it takes.

use std::fs;
use std::io::{self, ErrorKind};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use rustix::param::clock_ticks_per_second;
use rustix::process::{Pid, Signal, kill_process_group};
use tempfile::TempDir;

const START_TIMEOUT: Duration = Duration::from_secs(10);

pub struct Proxy {
    pub address: SocketAddr,
    process: Child,
    _folder: TempDir,
}

impl Proxy {
    /// Starts a shell command, which finds its port in `$PORT`, and an empty folder in `$TMP`.
    pub fn start(command: &str) -> io::Result<Self> {
        let folder = TempDir::new()?;
        let address = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?;
        let process = Command::new("sh")
            .args(["-c", command])
            .env("PORT", address.port().to_string())
            .env("TMP", folder.path())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .process_group(0)
            .spawn()?;
        let mut proxy = Self { address, process, _folder: folder };
        proxy.wait_until_it_listens()?;
        Ok(proxy)
    }

    fn wait_until_it_listens(&mut self) -> io::Result<()> {
        let start = Instant::now();
        while TcpStream::connect(self.address).is_err() {
            if self.process.try_wait()?.is_some() || start.elapsed() > START_TIMEOUT {
                return Err(io::Error::new(ErrorKind::NotConnected, "the proxy does not listen"));
            }
            thread::sleep(Duration::from_millis(50));
        }
        Ok(())
    }

    /// The processor time of the process and its descendants, in seconds.
    pub fn cpu(&self) -> io::Result<f64> {
        let all = fs::read_dir("/proc")?.flatten().filter_map(|entry| Stat::read(&entry.path().join("stat")));
        let all = all.collect::<Vec<_>>();
        let mut family = vec![self.process.id()];
        let mut at = 0;
        while let Some(&parent) = family.get(at) {
            family.extend(all.iter().filter(|stat| stat.parent == parent).map(|stat| stat.id));
            at += 1;
        }
        let ticks = all.iter().filter(|stat| family.contains(&stat.id)).map(|stat| stat.ticks).sum::<u64>();
        Ok(ticks as f64 / clock_ticks_per_second() as f64)
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        if let Some(group) = Pid::from_raw(self.process.id() as i32) {
            let _ = kill_process_group(group, Signal::KILL);
        }
        let _ = self.process.wait();
    }
}

/// Fields of `/proc/PID/stat`.
struct Stat {
    id: u32,
    parent: u32,
    /// The processor time of the process, and of its children that have ended.
    ticks: u64,
}

impl Stat {
    fn read(path: &std::path::Path) -> Option<Self> {
        let text = fs::read_to_string(path).ok()?;
        let (id, rest) = text.split_once(' ')?;
        let (_name, rest) = rest.rsplit_once(") ")?;
        let fields = rest.split(' ').collect::<Vec<_>>();
        let ticks = fields.get(11..15)?.iter().map(|field| field.parse::<u64>().ok()).sum::<Option<u64>>()?;
        Some(Self { id: id.parse().ok()?, parent: fields.get(1)?.parse().ok()?, ticks })
    }
}
