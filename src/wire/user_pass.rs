//! RFC 1929: username and password, and the server's status.

use core::fmt;

use subtle::ConstantTimeEq;

use super::leaf::{Parsed, SOCKS5, Short, Version, short, version, versioned_byte};
use super::message::{Parse, Pieces};
use crate::error::{Invalid, ValueError};

const VERSION: Version = Version(1, Invalid::UserPassVersion);

/// A client's credentials (RFC 1929 section 2).
///
/// ```text
/// +----+------+----------+------+----------+
/// |VER | ULEN |  UNAME   | PLEN |  PASSWD  |
/// +----+------+----------+------+----------+
/// | 01 |  1   | 0 to 255 |  1   | 0 to 255 |
/// +----+------+----------+------+----------+
/// ```
///
/// Both are byte strings: not necessarily UTF-8, and a NUL is an ordinary byte. The RFC requires 1 to 255 bytes each; empty ones
/// are in use (Tor, curl), and are accepted. `Debug` does not show the password.
///
/// ```
/// use socks5_sansio::{Encode, UserPass, ValueError};
///
/// let credentials = UserPass::new("alice", "s3cret")?;
/// assert_eq!(credentials.to_vec(), b"\x01\x05alice\x06s3cret");
/// assert_eq!(UserPass::new(&[b'a'; 256], ""), Err(ValueError::Username(256)));
/// # Ok::<(), ValueError>(())
/// ```
#[derive(Clone, Copy)]
pub struct UserPass<'a> {
    pub(super) username: Short<'a>,
    pub(super) password: Short<'a>,
}

impl<'a> UserPass<'a> {
    /// The length of the longest credentials in bytes.
    pub const MAX_LEN: usize = 513;

    /// Credentials of 0 to 255 bytes each.
    ///
    /// # Errors
    ///
    /// [`ValueError::Username`] and [`ValueError::Password`] over 255 bytes.
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

    /// UNAME: 0 to 255 bytes.
    #[must_use]
    pub const fn username(&self) -> &'a [u8] {
        self.username.as_bytes()
    }

    /// PASSWD: 0 to 255 bytes. Compare with [`verify`](Self::verify): the time that `==` takes on these bytes reveals the position
    /// of the first difference.
    #[must_use]
    pub const fn password(&self) -> &'a [u8] {
        self.password.as_bytes()
    }

    /// Whether both username and password are the expected ones. `==` of two [`UserPass`] values does the same.
    ///
    /// The time depends on the lengths of these credentials, and on whether the expected ones have the same lengths; it does not
    /// depend on the bytes. With many users, verify against other credentials if the name is unknown, so that
    /// an unknown name takes as long as a known one.
    ///
    /// ```
    /// use socks5_sansio::UserPass;
    ///
    /// let expected = UserPass::new("alice", "s3cret")?;
    /// assert!(UserPass::new("alice", "s3cret")?.verify(&expected));
    /// assert!(!UserPass::new("alice", "s3cre7")?.verify(&expected));
    /// # Ok::<(), socks5_sansio::ValueError>(())
    /// ```
    #[must_use]
    pub fn verify(&self, expected: &UserPass<'_>) -> bool {
        let username = differences(self.username(), expected.username());
        let password = differences(self.password(), expected.password());
        (username | password).ct_eq(&0).into()
    }
}

/// Zero if the strings are equal. Every byte is compared, whatever the result. Not inlined, as the caller would contain it twice.
#[inline(never)]
fn differences(given: &[u8], expected: &[u8]) -> u64 {
    let (expected, length) = if given.len() == expected.len() { (expected, 0) } else { (given, 1) };
    let (Some(a), Some(b)) = (given.last_chunk(), expected.last_chunk()) else {
        return length | shorter_than_a_block(given, expected);
    };
    let mut differences = length | block(a, b); // the last 16 bytes; may overlap the last block of the loop
    let (mut given, mut expected) = (given, expected);
    while let (Some((a, after_a)), Some((b, after_b))) = (given.split_first_chunk(), expected.split_first_chunk()) {
        differences |= block(a, b);
        (given, expected) = (after_a, after_b);
    }
    differences
}

/// Compares 16 bytes.
#[inline]
fn block(given: &[u8; 16], expected: &[u8; 16]) -> u64 {
    const LOW: u128 = u64::MAX as u128;
    let differences = u128::from_ne_bytes(*given) ^ u128::from_ne_bytes(*expected);
    (differences >> 64) as u64 | (differences & LOW) as u64
}

/// Compares strings of fewer than 16 bytes.
#[inline]
fn shorter_than_a_block(given: &[u8], expected: &[u8]) -> u64 {
    match (given.split_first_chunk(), expected.split_first_chunk()) {
        (Some((a, given)), Some((b, expected))) => {
            u64::from_ne_bytes(*a) ^ u64::from_ne_bytes(*b) | bytes(given, expected)
        }
        _ => bytes(given, expected),
    }
}

#[inline]
fn bytes(given: &[u8], expected: &[u8]) -> u64 {
    given.iter().zip(expected).fold(0, |differences, (a, b)| differences | u64::from(a ^ b))
}

impl<'a> Parse<'a> for UserPass<'a> {
    #[inline(always)]
    fn parse(input: &'a [u8]) -> Parsed<'a, Self> {
        let (input, ()) = version::<2>(VERSION, input)?;
        let (input, username) = short::<1>(input)?;
        let (input, password) = short::<0>(input)?;
        Ok((input, Self { username, password }))
    }
}

impl Pieces for UserPass<'_> {
    #[inline(always)]
    fn pieces(&self, write: &mut impl FnMut(&[u8])) {
        write(&[VERSION.0, self.username.len_octet()]);
        write(self.username.as_bytes());
        write(&[self.password.len_octet()]);
        write(self.password.as_bytes());
    }
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

/// A server's answer to credentials (RFC 1929 section 2).
///
/// ```text
/// +----+--------+
/// |VER | STATUS |
/// +----+--------+
/// | 01 |   1    |
/// +----+--------+
/// ```
///
/// 00 is success; after anything else the server must close the connection. Some servers send version 05; it is accepted on
/// receipt.
///
/// ```
/// use socks5_sansio::{Decode, UserPassStatus};
///
/// let (status, _) = UserPassStatus::decode(&[1, 0xF0])?;
/// assert_eq!(status, UserPassStatus(0xF0));
/// assert!(!status.is_success());
/// # Ok::<(), socks5_sansio::DecodeError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct UserPassStatus(pub u8);

impl UserPassStatus {
    /// The length of a status in bytes.
    pub const MAX_LEN: usize = 2;
    /// 00: the credentials are accepted.
    pub const SUCCESS: Self = Self(0);
    /// 01: the credentials are rejected. Every value but 00 means this; this one is sent.
    pub const FAILURE: Self = Self(1);

    /// Whether the status is 00.
    #[must_use]
    pub const fn is_success(self) -> bool {
        self.0 == Self::SUCCESS.0
    }

    /// The encoded status.
    pub(crate) const fn encoded(self) -> [u8; 2] {
        [VERSION.0, self.0]
    }
}

impl Parse<'_> for UserPassStatus {
    #[inline(always)]
    fn parse(input: &[u8]) -> Parsed<'_, Self> {
        let (input, status) = match versioned_byte(VERSION, input) {
            Err(_) if input.first() == Some(&SOCKS5.0) => versioned_byte(SOCKS5, input)?,
            parsed => parsed?,
        };
        Ok((input, Self(status)))
    }
}

impl Pieces for UserPassStatus {
    #[inline(always)]
    fn pieces(&self, write: &mut impl FnMut(&[u8])) {
        write(&self.encoded());
    }
}

#[cfg(test)]
mod tests {
    use std::format;

    use super::*;
    use crate::wire::Decode;
    use crate::wire::testing::{incomplete, round_trip};

    #[test]
    fn credentials_round_trip() {
        round_trip::<UserPass<'_>>(&[1, 0, 0]);
        round_trip::<UserPass<'_>>(b"\x01\x04user\x00");
        for len in [127, 128, 255] {
            let string = &[b'x'; 255][..usize::from(len)];
            round_trip::<UserPass<'_>>(&[&[1, len], string, &[len], string].concat());
        }
    }

    #[test]
    fn status_round_trips() {
        (0..=255).for_each(|status| round_trip::<UserPassStatus>(&[1, status]));
    }

    #[test]
    fn accepts_a_status_of_version_5() {
        assert_eq!(UserPassStatus::decode(&[5, 1, 9]), Ok((UserPassStatus(1), 2)));
        assert_eq!(UserPassStatus::decode(&[5]), incomplete(1));
        assert_eq!(UserPassStatus::decode(&[4, 0]), Err(Invalid::UserPassVersion(4).into()));
    }

    #[test]
    fn counts_the_next_length_octet_as_missing() {
        for (input, missing) in [(b"".as_slice(), 3), (&[1, 4], 5), (b"\x01\x04user\x03", 3)] {
            assert_eq!(UserPass::decode(input), incomplete(missing), "{input:?}");
        }
    }

    #[test]
    fn verifies_every_byte_of_both() {
        let (longest, mut other) = ([0x55; 255], [0x55; 255]);
        for at in 0..255 {
            other[at] ^= 1 << (at % 8);
            let expected = UserPass::new(&longest, &longest).unwrap();
            assert!(!UserPass::new(&other, &longest).unwrap().verify(&expected), "username differs at {at}");
            assert!(!UserPass::new(&longest, &other).unwrap().verify(&expected), "password differs at {at}");
            other[at] = 0x55;
            assert_ne!(UserPass::new(&longest[..at], &longest).unwrap(), expected);
            assert_ne!(UserPass::new(&longest, &longest[..at]).unwrap(), expected);
        }
        assert_eq!(UserPass::new(&other, &other).unwrap(), UserPass::new(&longest, &longest).unwrap());
        assert_ne!(UserPass::new("use", "rpass").unwrap(), UserPass::new("user", "pass").unwrap());
    }

    #[test]
    fn debug_escapes_the_username_and_hides_the_password() {
        let debug = format!("{:?}", UserPass::new("a\nb", "s3cret").unwrap());
        assert_eq!(debug, r#"UserPass { username: "a\nb", password: [redacted] }"#);
    }
}
