//! Access tokens: short-lived JWTs (RFC 7519, HS256) that name the user, the role and the
//! sign-in.
//!
//! What holds always here: a token is accepted only while it is unexpired *and* its sign-in is
//! not ended. Ended sign-ins are kept in memory for as long as a token of theirs could live, so a
//! request costs no database read; every node learns of them from the journal.

use std::collections::HashMap;
use std::sync::RwLock;
use std::time::Duration;

use events::{Role, Timestamp, UserId};
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use serde::{Deserialize, Serialize};

use crate::config::Secret;
use crate::extract::{Caller, Session};

/// Why a token is not accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    /// Not a token of ours.
    #[error("The access token is not valid")]
    Invalid,
    /// Its time is over; a refresh gives a new one.
    #[error("The access token has expired")]
    Expired,
    /// Its sign-in was ended.
    #[error("The session has ended, sign in again")]
    Revoked,
}

impl TokenError {
    /// The stable code, for REST errors and for `connect_error`'s `data.code`.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Invalid => "token_invalid",
            Self::Expired => "token_expired",
            Self::Revoked => "token_revoked",
        }
    }
}

#[derive(Serialize, Deserialize)]
struct Claims {
    sub: String,
    role: Role,
    sid: String,
    /// Seconds since the epoch, as RFC 7519 §2 has it.
    iat: i64,
    exp: i64,
    /// Makes two tokens of one second differ.
    jti: String,
}

/// Issues and verifies access tokens.
pub struct Tokens {
    encoding: EncodingKey,
    decoding: DecodingKey,
    validation: Validation,
    ttl: Duration,
    /// Ended sign-ins, with the time after which no token of theirs lives.
    ended: RwLock<HashMap<Session, Timestamp>>,
}

impl Tokens {
    /// `ttl` is the lifetime of the tokens that are issued.
    pub fn new(secret: &Secret, ttl: Duration) -> Self {
        let key = secret.expose().as_bytes();
        let mut validation = Validation::new(Algorithm::HS256);
        // Expiry is checked against our own clock, to the second and without leeway.
        validation.validate_exp = false;
        validation.required_spec_claims.clear();
        Self {
            encoding: EncodingKey::from_secret(key),
            decoding: DecodingKey::from_secret(key),
            validation,
            ttl,
            ended: RwLock::default(),
        }
    }

    /// A new token and the time when it ends.
    ///
    /// # Errors
    /// When the claims cannot be encoded, which does not happen with these claims.
    pub fn issue(
        &self,
        user: &UserId,
        role: Role,
        session: &Session,
        now: Timestamp,
        nonce: [u8; 8],
    ) -> Result<(String, Timestamp), jsonwebtoken::errors::Error> {
        let iat = now.as_millis().div_euclid(1000);
        let exp = iat + self.ttl.as_secs() as i64;
        let claims = Claims {
            sub: user.to_string(),
            role,
            sid: session.0.to_string(),
            iat,
            exp,
            jti: format!("{:016x}", u64::from_be_bytes(nonce)),
        };
        let token = jsonwebtoken::encode(&Header::default(), &claims, &self.encoding)?;
        Ok((token, Timestamp::from_millis(exp * 1000)))
    }

    /// Who holds `token`.
    ///
    /// # Errors
    /// [`TokenError`], when it is not to be accepted.
    pub fn verify(&self, token: &str, now: Timestamp) -> Result<Caller, TokenError> {
        let claims: Claims = jsonwebtoken::decode(token, &self.decoding, &self.validation)
            .map_err(|_| TokenError::Invalid)?
            .claims;
        // Ended sign-ins are remembered for the lifetime that is configured now; a token that was
        // issued for a longer one must not outlive that.
        let exp = claims.exp.min(claims.iat.saturating_add(self.ttl.as_secs() as i64));
        let expires_at = Timestamp::from_millis(exp.saturating_mul(1000));
        if now >= expires_at {
            return Err(TokenError::Expired);
        }
        let session = Session(claims.sid.into());
        if self.is_ended(&session) {
            return Err(TokenError::Revoked);
        }
        let user_id = claims.sub.parse().map_err(|_| TokenError::Invalid)?;
        Ok(Caller { user_id, role: claims.role, session, expires_at })
    }

    /// Refuses every token of this sign-in from now on.
    pub fn end(&self, session: Session, now: Timestamp) {
        let until = Timestamp::from_millis(now.as_millis() + self.ttl.as_millis() as i64 + 1000);
        let mut ended = self.ended.write().unwrap_or_else(std::sync::PoisonError::into_inner);
        // The map is swept when it has grown, so that it stays as small as what can still matter.
        if ended.len() >= 1024 && ended.len().is_power_of_two() {
            ended.retain(|_, until| *until > now);
        }
        ended.insert(session, until);
    }

    /// Whether this sign-in was ended.
    pub fn is_ended(&self, session: &Session) -> bool {
        self.ended.read().unwrap_or_else(std::sync::PoisonError::into_inner).contains_key(session)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_millis(1_800_000_000_500);

    fn tokens() -> Tokens {
        Tokens::new(&secret(), Duration::from_mins(15))
    }

    fn secret() -> Secret {
        Secret::new("0123456789abcdef0123456789abcdef")
    }

    fn user() -> UserId {
        "01890a5d-ac96-774b-bcce-b302099a8057".parse().unwrap()
    }

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_millis(NOW.as_millis() + seconds * 1000)
    }

    #[test]
    fn a_token_lives_for_its_time() {
        let tokens = tokens();
        let session = Session("s1".into());
        let (token, ends) = tokens.issue(&user(), Role::Buyer, &session, NOW, [0; 8]).unwrap();
        let caller = tokens.verify(&token, at(899)).unwrap();
        assert_eq!((caller.user_id, caller.role, caller.session), (user(), Role::Buyer, session));
        assert_eq!(caller.expires_at, ends);
        assert_eq!(tokens.verify(&token, at(900)).unwrap_err(), TokenError::Expired);
    }

    #[test]
    fn a_shorter_lifetime_holds_for_older_tokens() {
        let session = Session("s".into());
        let (token, _) = tokens().issue(&user(), Role::Buyer, &session, NOW, [0; 8]).unwrap();
        let restarted = Tokens::new(&secret(), Duration::from_mins(1));
        assert!(restarted.verify(&token, at(59)).is_ok());
        assert_eq!(restarted.verify(&token, at(60)).unwrap_err(), TokenError::Expired);
    }

    #[test]
    fn an_ended_sign_in_ends_its_tokens_alone() {
        let tokens = tokens();
        let (one, _) =
            tokens.issue(&user(), Role::Buyer, &Session("1".into()), NOW, [0; 8]).unwrap();
        let (two, _) =
            tokens.issue(&user(), Role::Buyer, &Session("2".into()), NOW, [1; 8]).unwrap();
        tokens.end(Session("1".into()), NOW);
        assert_eq!(tokens.verify(&one, NOW).unwrap_err(), TokenError::Revoked);
        assert!(tokens.verify(&two, NOW).is_ok());
    }

    #[test]
    fn what_is_not_ours_is_refused() {
        let tokens = tokens();
        let other = Tokens::new(&Secret::new("x".repeat(32)), Duration::from_mins(15));
        let (foreign, _) =
            other.issue(&user(), Role::Admin, &Session("s".into()), NOW, [0; 8]).unwrap();
        // {"alg":"none"}.{…}.
        let none = "eyJhbGciOiJub25lIn0.eyJzdWIiOiJ4In0.";
        for token in [foreign.as_str(), none, "", "a.b.c", "🔌"] {
            assert_eq!(tokens.verify(token, NOW).unwrap_err(), TokenError::Invalid, "{token}");
        }
    }
}
