//! A network of its own for a test, with the MTU of Ethernet.

use std::env;
use std::fs::read_to_string;
use std::process::{Command, Stdio};

const INSIDE: &str = "TEST_IN_NAMESPACE";

/// Runs a test again, in a network namespace of its own. Returns whether the caller is that second run.
pub fn enter(test: &str) -> bool {
    if env::var_os(INSIDE).is_some() {
        for args in [["link", "set", "lo", "mtu", "1500"].as_slice(), &["link", "set", "lo", "up"]] {
            assert!(Command::new("ip").args(args).status().unwrap().success());
        }
        return true;
    }
    let may_unshare = Command::new("unshare").args(["--net", "true"]).stderr(Stdio::null()).status();
    if !may_unshare.is_ok_and(|status| status.success()) {
        assert!(env::var_os("INTEROP_REQUIRED").is_none(), "no right to make namespaces");
        eprintln!("skipped: no right to make namespaces");
        return false;
    }
    let mut inside = Command::new("unshare");
    inside.args(["--net", "--"]).arg(env::current_exe().unwrap()).args(["--exact", test, "--nocapture"]);
    assert!(inside.env(INSIDE, "1").status().unwrap().success());
    false
}

/// The number of IP fragments that were made in this namespace.
pub fn ip_fragments() -> u64 {
    let v4 = read_to_string("/proc/net/snmp").unwrap();
    let mut lines = v4.lines().filter(|line| line.starts_with("Ip:")).map(str::split_whitespace);
    let (names, values) = (lines.next().unwrap(), lines.next().unwrap());
    let (_, v4) = names.zip(values).find(|(name, _)| *name == "FragCreates").unwrap();
    let v6 = read_to_string("/proc/net/snmp6").unwrap();
    let v6 = v6.lines().find_map(|line| line.strip_prefix("Ip6FragCreates")).unwrap();
    [v4, v6].map(|count| count.trim().parse::<u64>().unwrap()).iter().sum()
}
