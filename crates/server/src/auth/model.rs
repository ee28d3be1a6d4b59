//! What comes in, what goes out, and what a refresh token allows.

use events::{Role, Timestamp, UserId};
use garde::Validate;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::error::AuthError;
use super::password::{PASSWORD_MAX, PASSWORD_MIN};
use crate::extract::Session;
use crate::users::model::{Account, EMAIL_MAX, check_name};

/// What one can register as; administrators are made on the command line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum SignUpRole {
    /// Posts requests and pays.
    Buyer,
    /// Offers and delivers.
    Seller,
}

impl From<SignUpRole> for Role {
    fn from(role: SignUpRole) -> Self {
        match role {
            SignUpRole::Buyer => Self::Buyer,
            SignUpRole::Seller => Self::Seller,
        }
    }
}

/// A new account.
#[derive(Debug, Deserialize, Validate, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Registration {
    /// The address; case does not matter.
    #[garde(custom(check_email))]
    #[schema(format = "email", max_length = 254, examples("ada@shop.example"))]
    pub email: String,
    /// The password.
    #[garde(length(chars, min = PASSWORD_MIN, max = PASSWORD_MAX))]
    #[schema(min_length = 8, max_length = 128, examples("correct horse battery"))]
    pub password: String,
    /// The display name.
    #[garde(custom(check_name))]
    #[schema(min_length = 1, max_length = 80, examples("Ada"))]
    pub name: String,
    /// Buyer or seller.
    #[garde(skip)]
    pub role: SignUpRole,
    /// The code of who invited the user.
    #[garde(inner(length(min = 1, max = 64)))]
    #[schema(examples("7K3M9XQ2VB"), min_length = 1, max_length = 64)]
    pub referral_code: Option<String>,
}

/// An address and its password.
#[derive(Debug, Deserialize, Validate, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Credentials {
    /// The address; case does not matter.
    #[garde(length(max = EMAIL_MAX))]
    #[schema(format = "email", examples("ada@shop.example"))]
    pub email: String,
    /// The password.
    #[garde(length(chars, max = PASSWORD_MAX))]
    #[schema(examples("correct horse battery"))]
    pub password: String,
}

/// A refresh token; without one the cookie counts.
#[derive(Debug, Default, Deserialize, Validate, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RefreshInput {
    /// The refresh token of the newest sign-in or refresh.
    #[garde(inner(length(max = 256)))]
    #[schema(max_length = 256)]
    pub refresh_token: Option<String>,
}

/// A change of the caller's own password.
#[derive(Debug, Deserialize, Validate, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct PasswordChange {
    /// The password up to now.
    #[garde(length(chars, max = PASSWORD_MAX))]
    pub current_password: String,
    /// The password from now on.
    #[garde(length(chars, min = PASSWORD_MIN, max = PASSWORD_MAX))]
    #[schema(min_length = 8, max_length = 128)]
    pub new_password: String,
}

/// Asks for a mail with a link that sets a new password.
#[derive(Debug, Deserialize, Validate, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ForgottenPassword {
    /// The account's address.
    #[garde(custom(check_email))]
    #[schema(format = "email", max_length = 254, examples("ada@shop.example"))]
    pub email: String,
}

/// Sets a new password by a mailed token.
#[derive(Debug, Deserialize, Validate, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct PasswordReset {
    /// The `token` of the link.
    #[garde(length(max = 256))]
    pub token: String,
    /// The password from now on.
    #[garde(length(chars, min = PASSWORD_MIN, max = PASSWORD_MAX))]
    #[schema(min_length = 8, max_length = 128)]
    pub new_password: String,
}

/// Shows by a mailed token that the address is the user's.
#[derive(Debug, Deserialize, Validate, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct EmailVerification {
    /// The `token` of the link.
    #[garde(length(max = 256))]
    pub token: String,
}

/// An address as HTML's e-mail fields accept it, of 254 bytes at most.
#[expect(clippy::trivially_copy_pass_by_ref, reason = "rules get their context by reference")]
fn check_email(email: &str, (): &()) -> garde::Result {
    let email = email.trim();
    if email.len() > EMAIL_MAX {
        return Err(garde::Error::new("must have 254 bytes at most"));
    }
    garde::rules::email::parse_email(email)
        .map_err(|_| garde::Error::new("must be an e-mail address"))
}

/// What a sign-in or a refresh gives. Both tokens also come as cookies.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct SignedIn {
    /// The account.
    pub user: Account,
    /// For `Authorization: Bearer`; short-lived.
    pub access_token: String,
    /// For one `POST /api/auth/refresh-token`.
    pub refresh_token: String,
}

/// Why a sign-in ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, strum::AsRefStr)]
#[strum(serialize_all = "snake_case")]
pub enum EndReason {
    /// Its user signed out.
    Logout,
    /// A refresh token was used twice.
    Reuse,
    /// The password was changed in another sign-in.
    PasswordChange,
    /// The password was set by a mailed link.
    PasswordReset,
}

/// A stored refresh token and its sign-in.
#[derive(Debug, Clone)]
pub struct RefreshToken {
    /// The sign-in.
    pub session: Session,
    /// Its user.
    pub user_id: UserId,
    /// The end of the token's time.
    pub expires_at: Timestamp,
    /// Whether it was used.
    pub used: bool,
    /// Whether the sign-in has ended.
    pub ended: bool,
}

/// Whether a refresh token may be used now.
///
/// # Errors
/// Why not. [`AuthError::RefreshTokenReused`] must end the sign-in, whatever else is true: who
/// presents a used token has a copy, or was copied.
pub fn judge(token: &RefreshToken, now: Timestamp) -> Result<(), AuthError> {
    if token.used {
        Err(AuthError::RefreshTokenReused)
    } else if token.ended {
        Err(AuthError::RefreshTokenRevoked)
    } else if now >= token.expires_at {
        Err(AuthError::RefreshTokenExpired)
    } else {
        Ok(())
    }
}

/// What a mailed token is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, strum::AsRefStr)]
#[strum(serialize_all = "snake_case")]
pub enum LinkKind {
    /// Shows that the address is the user's.
    VerifyEmail,
    /// Sets a new password.
    ResetPassword,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refresh_token_is_judged_in_every_state() {
        let now = Timestamp::from_millis(1_000);
        let token = |used, ended, expires_at| RefreshToken {
            session: Session("s".into()),
            user_id: "u".parse().unwrap(),
            expires_at: Timestamp::from_millis(expires_at),
            used,
            ended,
        };
        let (live, over) = (1_001, 1_000);
        for (used, ended, expires_at, verdict) in [
            (false, false, live, Ok(())),
            (false, false, over, Err(AuthError::RefreshTokenExpired)),
            (false, true, live, Err(AuthError::RefreshTokenRevoked)),
            (false, true, over, Err(AuthError::RefreshTokenRevoked)),
            (true, false, live, Err(AuthError::RefreshTokenReused)),
            (true, false, over, Err(AuthError::RefreshTokenReused)),
            (true, true, live, Err(AuthError::RefreshTokenReused)),
            (true, true, over, Err(AuthError::RefreshTokenReused)),
        ] {
            let token = token(used, ended, expires_at);
            assert_eq!(judge(&token, now), verdict, "{token:?}");
        }
    }

    #[test]
    fn addresses() {
        let longest = format!("{}@{}.example", "a".repeat(64), "b".repeat(60));
        for good in ["a@b.example", " A.b+c@d-e.example ", "a@localhost", &longest] {
            assert!(check_email(good, &()).is_ok(), "{good}");
        }
        let long = format!("a@{}.example", ["b".repeat(60), "c".repeat(60)].join(".").repeat(3));
        for bad in ["", "a", "@b", "a@", "a b@c.example", "a@b@c", "a@b\n.example", "ü@b", &long] {
            assert!(check_email(bad, &()).is_err(), "{bad}");
        }
    }
}
