//! RFC 1929: username and password, and the verdict on them.

use core::fmt;

use subtle::ConstantTimeEq;

use super::leaf::{Parsed, Short, Version, head, short_then};
use super::{Layout, Message};
use crate::error::{Invalid, ValueError};

const VERSION: Version = Version(1, Invalid::UserPassVersion);

/// The client's credentials (RFC 1929 section 2).
///
/// ```text
/// +----+------+----------+------+----------+
/// |VER | ULEN |  UNAME   | PLEN |  PASSWD  |
/// +----+------+----------+------+----------+
/// | 01 |  1   | 0 to 255 |  1   | 0 to 255 |
/// +----+------+----------+------+----------+
/// ```
///
/// Octet strings: not necessarily UTF-8, and a NUL is an ordinary octet. The RFC asks for 1 to 255 octets each; empty ones
/// are in use (Tor, curl), and are carried. `Debug` does not show the password, and comparing takes the same
/// time whether they are equal or not.
///
/// ```
/// use socks5_sansio::{Message, UserPass};
///
/// let credentials = UserPass::new("alice", "s3cret")?;
/// let mut out = [0; UserPass::MAX_LEN];
/// let len = credentials.encode(&mut out)?;
/// assert_eq!(out[..len], *b"\x01\x05alice\x06s3cret");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy)]
pub struct UserPass<'a> {
    username: Short<'a>,
    password: Short<'a>,
}

impl<'a> UserPass<'a> {
    /// Credentials of 0 to 255 octets each.
    ///
    /// # Errors
    ///
    /// [`ValueError::Username`] and [`ValueError::Password`] over 255 octets.
    ///
    /// ```
    /// use socks5_sansio::{UserPass, ValueError};
    ///
    /// assert!(UserPass::new(&[b'a'; 255], b"").is_ok());
    /// assert_eq!(UserPass::new(&[b'a'; 256], b""), Err(ValueError::Username(256)));
    /// ```
    pub fn new<U, P>(username: &'a U, password: &'a P) -> Result<Self, ValueError>
    where
        U: AsRef<[u8]> + ?Sized,
        P: AsRef<[u8]> + ?Sized,
    {
        let (username, password) = (username.as_ref(), password.as_ref());
        Ok(Self {
            username: Short::new(username).ok_or(ValueError::Username(username.len()))?,
            password: Short::new(password).ok_or(ValueError::Password(password.len()))?,
        })
    }

    /// UNAME: 0 to 255 octets.
    ///
    /// ```
    /// # use socks5_sansio::UserPass;
    /// assert_eq!(UserPass::new("alice", "s3cret")?.username(), b"alice");
    /// # Ok::<(), socks5_sansio::ValueError>(())
    /// ```
    #[must_use]
    pub const fn username(&self) -> &'a [u8] {
        self.username.as_bytes()
    }

    /// PASSWD: 0 to 255 octets. To judge it, [`verify`](Self::verify) is the better way.
    ///
    /// ```
    /// # use socks5_sansio::UserPass;
    /// assert_eq!(UserPass::new("alice", "s3cret")?.password(), b"s3cret");
    /// # Ok::<(), socks5_sansio::ValueError>(())
    /// ```
    #[must_use]
    pub const fn password(&self) -> &'a [u8] {
        self.password.as_bytes()
    }

    /// Whether both username and password are those expected. `==` does the same.
    ///
    /// Takes the same time for all usernames and passwords, whatever their lengths. Where there are many users, verify even if
    /// there is none of that name, so that an unknown name takes as long as a known one.
    ///
    /// ```
    /// use socks5_sansio::UserPass;
    ///
    /// let expected = UserPass::new("alice", "s3cret")?;
    /// assert!(UserPass::new("alice", "s3cret")?.verify(&expected));
    /// assert!(!UserPass::new("alice", "s3cre")?.verify(&expected));
    /// # Ok::<(), socks5_sansio::ValueError>(())
    /// ```
    #[must_use]
    pub fn verify(&self, expected: &UserPass<'_>) -> bool {
        let username = padded(self.username).ct_eq(&padded(expected.username));
        let password = padded(self.password).ct_eq(&padded(expected.password));
        (username & password).into()
    }
}

/// The string behind its length octet, filled up with zeros: all lengths compare alike. In words, as each takes as long as an
/// octet to compare.
fn padded(string: Short<'_>) -> [u64; 32] {
    let mut padded = [0; 256];
    let (len, octets) = padded.split_at_mut(1);
    len.fill(string.len_octet());
    octets.iter_mut().zip(string.as_bytes()).for_each(|(to, from)| *to = *from);

    let mut words = [0; 32];
    for (word, octets) in words.iter_mut().zip(padded.chunks_exact(8)) {
        *word = u64::from_ne_bytes(octets.first_chunk().copied().unwrap_or_default());
    }
    words
}

impl<'a> Layout<'a> for UserPass<'a> {
    #[inline]
    fn parse(input: &'a [u8]) -> Parsed<'a, Self> {
        let (input, [_ver, ulen]) = head(VERSION, input)?;
        let (input, (username, [plen])) = short_then(ulen, input, |username, plen| (username, plen))?;
        short_then(plen, input, |password, []| Self { username, password })
    }

    #[inline]
    fn in_pieces<R>(&self, lend: impl FnOnce(&[&[u8]]) -> R) -> R {
        lend(&[
            &[VERSION.0, self.username.len_octet()],
            self.username.as_bytes(),
            &[self.password.len_octet()],
            self.password.as_bytes(),
        ])
    }
}

impl<'a> Message<'a> for UserPass<'a> {
    const MIN_LEN: usize = 3;
    const MAX_LEN: usize = 513;
}

impl PartialEq for UserPass<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.verify(other)
    }
}

impl Eq for UserPass<'_> {}

impl fmt::Debug for UserPass<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "UserPass {{ username: \"{}\", password: [redacted] }}", self.username().escape_ascii())
    }
}

/// The server's verdict on the credentials (RFC 1929 section 2).
///
/// ```text
/// +----+--------+
/// |VER | STATUS |
/// +----+--------+
/// | 01 |   1    |
/// +----+--------+
/// ```
///
/// 00 is success. After anything else the server must close the connection.
///
/// ```
/// use socks5_sansio::{Message, UserPassStatus};
///
/// let (status, _) = UserPassStatus::decode(&[1, 0xF0])?;
/// assert_eq!(status, UserPassStatus(0xF0));
/// assert!(!status.is_success());
/// # Ok::<(), socks5_sansio::DecodeError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct UserPassStatus(pub u8);

impl UserPassStatus {
    /// 00: the credentials are good.
    pub const SUCCESS: Self = Self(0);
    /// 01: they are not. Any octet but 00 says so; this is the one that is sent.
    pub const FAILURE: Self = Self(1);

    /// Whether the status is 00.
    ///
    /// ```
    /// # use socks5_sansio::UserPassStatus;
    /// assert!(UserPassStatus::SUCCESS.is_success());
    /// assert!(!UserPassStatus::FAILURE.is_success());
    /// ```
    #[must_use]
    pub const fn is_success(self) -> bool {
        self.0 == Self::SUCCESS.0
    }

    /// The encoded status.
    pub(crate) const fn octets(self) -> [u8; 2] {
        [VERSION.0, self.0]
    }
}

impl<'a> Layout<'a> for UserPassStatus {
    #[inline]
    fn parse(input: &'a [u8]) -> Parsed<'a, Self> {
        let (input, [_ver, status]) = head(VERSION, input)?;
        Ok((input, Self(status)))
    }

    #[inline]
    fn in_pieces<R>(&self, lend: impl FnOnce(&[&[u8]]) -> R) -> R {
        lend(&[&self.octets()])
    }
}

impl<'a> Message<'a> for UserPassStatus {
    const MIN_LEN: usize = 2;
    const MAX_LEN: usize = 2;
}

#[cfg(test)]
mod tests {
    use std::format;

    use super::*;
    use crate::error::DecodeError;
    use crate::wire::testing::three_ways;

    #[test]
    fn credentials_three_ways() {
        three_ways::<UserPass<'_>>(&[1, 0, 0]);
        three_ways::<UserPass<'_>>(b"\x01\x04user\x00");
        for len in [127, 128, 255] {
            let string = &[b'x'; 255][..usize::from(len)];
            three_ways::<UserPass<'_>>(&[&[1, len], string, &[len], string].concat());
        }
    }

    #[test]
    fn status_three_ways() {
        (0..=255).for_each(|status| three_ways::<UserPassStatus>(&[1, status]));
    }

    #[test]
    fn what_is_missing_counts_the_next_length_octet() {
        for (input, missing) in [(b"".as_slice(), 3), (&[1, 4], 5), (b"\x01\x04user\x03", 3)] {
            let incomplete = DecodeError::Incomplete(missing.try_into().unwrap());
            assert_eq!(UserPass::decode(input), Err(incomplete), "{input:?}");
        }
    }

    #[test]
    fn verify_wants_both_and_all_of_both() {
        let expected = UserPass::new("user", "pass").unwrap();
        for (username, password) in [("user", "pasS"), ("User", "pass"), ("user", "pass\0"), ("use", "rpass"), ("", "")]
        {
            assert!(!UserPass::new(username, password).unwrap().verify(&expected), "{username} {password}");
        }
        assert_eq!(UserPass::new("user", "pass").unwrap(), expected);
    }

    #[test]
    fn debug_escapes_the_username_and_hides_the_password() {
        let debug = format!("{:?}", UserPass::new("a\nb", "s3cret").unwrap());
        assert_eq!(debug, r#"UserPass { username: "a\nb", password: [redacted] }"#);
    }
}
