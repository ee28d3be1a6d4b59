//! Why someone is not let in.

use std::collections::BTreeMap;

use http::StatusCode;

use crate::error::Coded;

/// Why someone is not let in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum AuthError {
    /// No such user, or not this password: nobody learns which.
    #[error("E-mail address or password is wrong")]
    InvalidCredentials,
    /// The caller's own password is another one.
    #[error("This is not your password")]
    WrongPassword,
    /// The password was changed by another request meanwhile.
    #[error("The password was changed meanwhile")]
    PasswordChanged,
    /// There is no refresh token in the request.
    #[error("A refresh token is needed")]
    RefreshTokenMissing,
    /// Not a refresh token of ours.
    #[error("The refresh token is not valid")]
    RefreshTokenInvalid,
    /// Its time is over.
    #[error("The refresh token has expired, sign in again")]
    RefreshTokenExpired,
    /// It was used before; its sign-in has ended for that.
    #[error("The refresh token was used before, sign in again")]
    RefreshTokenReused,
    /// Its sign-in has ended.
    #[error("The session has ended, sign in again")]
    RefreshTokenRevoked,
    /// Not a token that was mailed, or one that was used or replaced.
    #[error("This link is not valid or was used before")]
    LinkInvalid,
    /// The time of the mailed token is over.
    #[error("This link has expired")]
    LinkExpired,
}

impl Coded for AuthError {
    fn status(&self) -> StatusCode {
        match self {
            Self::WrongPassword => StatusCode::UNPROCESSABLE_ENTITY,
            Self::PasswordChanged => StatusCode::CONFLICT,
            _ => StatusCode::UNAUTHORIZED,
        }
    }

    fn code(&self) -> &'static str {
        match self {
            Self::InvalidCredentials => "invalid_credentials",
            Self::WrongPassword => "validation_failed",
            Self::PasswordChanged => "password_changed",
            Self::RefreshTokenMissing => "refresh_token_missing",
            Self::RefreshTokenInvalid => "refresh_token_invalid",
            Self::RefreshTokenExpired => "refresh_token_expired",
            Self::RefreshTokenReused => "refresh_token_reused",
            Self::RefreshTokenRevoked => "refresh_token_revoked",
            Self::LinkInvalid => "link_invalid",
            Self::LinkExpired => "link_expired",
        }
    }

    fn details(&self) -> Option<BTreeMap<String, String>> {
        matches!(self, Self::WrongPassword)
            .then(|| [("currentPassword".to_owned(), self.to_string())].into())
    }
}
