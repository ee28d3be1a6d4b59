//! Passwords: Argon2id (RFC 9106), a few at a time.
//!
//! What holds always here: hashing happens on blocking threads and at most [`Passwords::new`]'s
//! bound at once, so a storm of sign-ins takes neither the workers nor the memory (each hash
//! fills 19 MiB); and an unknown user costs as much time as a wrong password.

use std::sync::Arc;

use argon2::password_hash::phc::PasswordHash;
use argon2::{Algorithm, Argon2, Params, PasswordHasher, PasswordVerifier, Version};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD_NO_PAD;
use tokio::sync::Semaphore;

use crate::clock::Randomness;
use crate::error::{ApiError, Result};

/// Shortest password, in characters (NIST SP 800-63B §5.1.1.2).
pub const PASSWORD_MIN: usize = 8;
/// Longest password, in characters.
pub const PASSWORD_MAX: usize = 128;

/// m = 19456 KiB, t = 2, p = 1: the parameters that the OWASP Password Storage Cheat Sheet
/// ("Argon2id") asks for at least.
pub fn owasp() -> Params {
    const { assert!(Params::DEFAULT_M_COST == 19_456) };
    const { assert!(Params::DEFAULT_T_COST == 2 && Params::DEFAULT_P_COST == 1) };
    Params::DEFAULT
}

/// Hashes and verifies passwords.
pub struct Passwords {
    argon2: Argon2<'static>,
    turns: Arc<Semaphore>,
    /// A hash that no password has, for users who are not there.
    nobody: String,
}

impl Passwords {
    /// With these parameters; two hashes a core run at once.
    pub fn new(params: Params, random: &Randomness) -> Self {
        let base64 = |bytes: &[u8]| BASE64_STANDARD_NO_PAD.encode(bytes);
        let nobody = format!(
            "$argon2id$v=19$m={},t={},p={}${}${}",
            params.m_cost(),
            params.t_cost(),
            params.p_cost(),
            base64(&random.bytes::<16>()),
            base64(&random.bytes::<32>()),
        );
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        Self {
            argon2: Argon2::new(Algorithm::Argon2id, Version::V0x13, params),
            turns: Arc::new(Semaphore::new(2 * cores)),
            nobody,
        }
    }

    /// The PHC string to store for `password`.
    ///
    /// # Errors
    /// 500, when the hash cannot be made.
    pub async fn hash(&self, password: String, random: &Randomness) -> Result<String> {
        let salt = random.bytes::<16>();
        let argon2 = self.argon2.clone();
        self.in_turn(move || {
            let hash: PasswordHash = argon2
                .hash_password_with_salt(password.as_bytes(), &salt)
                .map_err(|error| ApiError::internal(&error))?;
            Ok(hash.to_string())
        })
        .await
    }

    /// Whether `password` is the one of `stored`; without one it takes as long and is false.
    ///
    /// # Errors
    /// 500, when hashing fails.
    pub async fn verify(&self, password: String, stored: Option<&str>) -> Result<bool> {
        let argon2 = self.argon2.clone();
        let stored = stored.unwrap_or(&self.nobody).to_owned();
        self.in_turn(move || {
            // What is no hash is a user who cannot sign in by password.
            let Ok(stored) = PasswordHash::new(&stored) else { return Ok(false) };
            Ok(argon2.verify_password(password.as_bytes(), &stored).is_ok())
        })
        .await
    }

    async fn in_turn<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let turn = self.turns.clone().acquire_owned().await;
        let turn = turn.map_err(|error| ApiError::internal(&error))?;
        tokio::task::spawn_blocking(move || {
            // Held until the work is done, also when nobody waits for it any more.
            let _turn = turn;
            work()
        })
        .await
        .map_err(|error| ApiError::internal(&error))?
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn passwords() -> (Passwords, Randomness) {
        let random = Randomness::from_seed(1);
        (Passwords::new(Params::new(8, 1, 1, None).unwrap(), &random), random)
    }

    #[tokio::test]
    async fn only_the_right_password_is_right() {
        let (passwords, random) = passwords();
        let stored = passwords.hash("pässword 1".to_owned(), &random).await.unwrap();
        assert!(stored.starts_with("$argon2id$v=19$m=8,t=1,p=1$"), "{stored}");
        let verify = async |password: &str, stored: Option<&str>| {
            passwords.verify(password.to_owned(), stored).await.unwrap()
        };
        assert!(verify("pässword 1", Some(&stored)).await);
        assert!(!verify("pässword 2", Some(&stored)).await);
        assert!(!verify("", Some(&stored)).await);
        assert!(!verify("pässword 1", None).await);
        assert!(!verify("none", Some("none")).await);
    }

    #[tokio::test]
    async fn the_same_password_is_salted() {
        let (passwords, random) = passwords();
        let one = passwords.hash("password".to_owned(), &random).await.unwrap();
        let two = passwords.hash("password".to_owned(), &random).await.unwrap();
        assert_ne!(one, two);
    }

    #[test]
    fn nobody_costs_as_much_as_somebody() {
        let random = Randomness::from_seed(1);
        let passwords = Passwords::new(owasp(), &random);
        let nobody = PasswordHash::new(&passwords.nobody).unwrap();
        assert_eq!(Params::try_from(&nobody).unwrap().m_cost(), 19_456);
        assert_eq!(nobody.hash.unwrap().len(), 32);
    }
}
