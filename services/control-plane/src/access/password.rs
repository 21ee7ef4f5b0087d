//! Passwords: argon2id. Checking one takes tens of milliseconds and 19 MiB, so that few are checked side
//! by side.

use std::sync::{Arc, LazyLock};

use argon2::password_hash::{PasswordHash, SaltString};
use argon2::{Argon2, PasswordHasher as _, PasswordVerifier as _};
use tokio::sync::Semaphore;

use crate::Error;

/// The length of a password, in characters and in bytes.
const SHORTEST: usize = 12;
const LONGEST: usize = 256;

/// The passwords that are hashed at one time.
const AT_ONE_TIME: usize = 2;

static PERMITS: LazyLock<Arc<Semaphore>> = LazyLock::new(|| Arc::new(Semaphore::new(AT_ONE_TIME)));

/// A hash that no password has, so that an unknown name costs what a known one does.
static NOBODYS: LazyLock<String> = LazyLock::new(|| hash(&super::secret::fresh("")));

/// Checks that a password may be chosen.
pub(super) fn checked<'p>(password: &'p str, name: &str) -> Result<&'p str, Error> {
    let fits = password.chars().count() >= SHORTEST && password.len() <= LONGEST;
    if fits && !password.to_lowercase().contains(name) {
        return Ok(password);
    }
    // Not what was sent: it may be nearly right for another place.
    let allowed = format!("{SHORTEST} characters to {LONGEST} bytes, without the name in it");
    Err(Error::argument("password", "***", allowed))
}

/// Returns the hash of a password, as a PHC string.
pub(super) async fn hashed(password: &str) -> Result<String, Error> {
    let password = password.to_owned();
    alone(move || hash(&password)).await
}

/// Returns true if the password has this hash. An empty hash is that of no password.
pub(super) async fn is(password: &str, hash: &str) -> Result<bool, Error> {
    // What nobody can have chosen is not hashed: it may be megabytes.
    let fits = password.len() <= LONGEST;
    let password = if fits { password } else { "" }.to_owned();
    let hash = hash.to_owned();
    alone(move || {
        let known = fits && !hash.is_empty();
        let against = if known { &hash } else { &*NOBODYS };
        let read = PasswordHash::new(against);
        let right = read.is_ok_and(|read| {
            let argon2 = Argon2::default();
            argon2.verify_password(password.as_bytes(), &read).is_ok()
        });
        known && right
    })
    .await
}

fn hash(password: &str) -> String {
    let salt = SaltString::encode_b64(&rand::random::<[u8; 16]>()).expect("16 bytes fit a salt");
    let hashed = Argon2::default().hash_password(password.as_bytes(), &salt);
    hashed
        .expect("the default parameters are allowed")
        .to_string()
}

/// Computes off the reactor, a few at one time.
async fn alone<T: Send + 'static>(
    compute: impl FnOnce() -> T + Send + 'static,
) -> Result<T, Error> {
    let permit = Arc::clone(&PERMITS).acquire_owned().await;
    let computed = tokio::task::spawn_blocking(move || {
        let _permit = permit;
        compute()
    });
    Ok(computed.await?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_password_has_its_hash_and_no_other_does() {
        let one = hashed("correct horse battery").await.expect("hashed");
        let again = hashed("correct horse battery").await.expect("hashed");
        assert!(one.starts_with("$argon2id$") && one != again, "salted");
        assert!(is("correct horse battery", &one).await.expect("checked"));
        for (password, hash) in [
            ("correct horse batterx", &*one),
            ("", &one),
            ("", ""),
            ("correct horse battery", ""),
            ("correct horse battery", "junk"),
            (&"x".repeat(1 << 20), &one),
        ] {
            assert!(!is(password, hash).await.expect("checked"), "{hash}");
        }
    }

    #[test]
    fn a_short_or_telling_password_is_refused_and_not_repeated() {
        assert!(checked("twelve chars", "ada").is_ok());
        for bad in ["", "eleven char", &"x".repeat(257), "I am Ada Lovelace"] {
            let said = checked(bad, "ada").expect_err(bad).to_string();
            assert!(bad.is_empty() || !said.contains(bad), "{said}");
        }
    }
}
