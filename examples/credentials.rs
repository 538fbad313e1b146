//! A user and its password, for the command lines of the server and the client.

use std::{env, fs};

use socks5_sansio::UserPassBuf;

/// The user with the password given, or else with that of the variable `SOCKS5_PASSWORD`.
pub fn credentials(user: Option<&str>, password: Option<String>) -> Result<Option<UserPassBuf>, String> {
    match (user, password) {
        (Some(user), password) => {
            let password = password.or_else(|| env::var("SOCKS5_PASSWORD").ok());
            let password = password.ok_or("--user needs --password, --password-file or SOCKS5_PASSWORD")?;
            UserPassBuf::new(user, password).map(Some).map_err(|error| error.to_string())
        }
        (None, Some(_)) => Err("a password needs --user".into()),
        (None, None) => Ok(None),
    }
}

/// The password in a file.
pub fn first_line(path: &str) -> Result<String, String> {
    let text = fs::read_to_string(path).map_err(|error| format!("{path}: {error}"))?;
    text.lines().next().map(str::to_owned).ok_or_else(|| format!("{path} is empty"))
}
