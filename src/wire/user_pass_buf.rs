//! Owned credentials.

use core::fmt;

use super::leaf::ShortBuf;
use super::user_pass::UserPass;
use crate::error::ValueError;

/// Owned [`UserPass`], for use after the input buffer is gone. Needs no allocator: it has room for 255 bytes each.
///
/// ```
/// use socks5_sansio::{UserPass, UserPassBuf};
///
/// let expected = UserPassBuf::new("alice", "s3cret")?; // from a configuration
/// assert!(UserPass::new("alice", "s3cret")?.verify(&expected.as_user_pass()));
/// # Ok::<(), socks5_sansio::ValueError>(())
/// ```
#[derive(Clone)]
pub struct UserPassBuf {
    username: ShortBuf,
    password: ShortBuf,
}

impl UserPassBuf {
    /// Credentials of 0 to 255 bytes each.
    ///
    /// # Errors
    ///
    /// [`ValueError::Username`] and [`ValueError::Password`] over 255 bytes.
    pub fn new(username: impl AsRef<[u8]>, password: impl AsRef<[u8]>) -> Result<Self, ValueError> {
        UserPass::new(&username, &password).map(Self::from)
    }

    /// Borrows the credentials.
    #[must_use]
    pub const fn as_user_pass(&self) -> UserPass<'_> {
        UserPass { username: self.username.as_short(), password: self.password.as_short() }
    }
}

impl From<UserPass<'_>> for UserPassBuf {
    fn from(credentials: UserPass<'_>) -> Self {
        Self { username: credentials.username.into(), password: credentials.password.into() }
    }
}

impl<'a> From<&'a UserPassBuf> for UserPass<'a> {
    fn from(credentials: &'a UserPassBuf) -> Self {
        credentials.as_user_pass()
    }
}

impl PartialEq for UserPassBuf {
    fn eq(&self, other: &Self) -> bool {
        self.as_user_pass().verify(&other.as_user_pass())
    }
}

impl Eq for UserPassBuf {}

impl fmt::Debug for UserPassBuf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.as_user_pass().fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use std::format;

    use super::*;

    #[test]
    fn owns_what_it_was_made_from() {
        let longest = [b'x'; 255];
        for len in [0, 1, 127, 128, 255] {
            let credentials = UserPass::new(&longest[..len], &longest[len..]).unwrap();
            let owned = UserPassBuf::from(credentials);
            assert_eq!(UserPass::from(&owned), credentials);
            assert_eq!(format!("{owned:?}"), format!("{credentials:?}"));
        }
        assert_eq!(UserPassBuf::new([0; 256], ""), Err(ValueError::Username(256)));
        assert_eq!(size_of::<UserPassBuf>(), 2 * 256);
    }
}
