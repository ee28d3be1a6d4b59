//! Users, as they are stored, as they see themselves, and what they may write.

use db::{DbError, FromRow, Row};
use events::documents::{PublicUser, Rating};
use events::{FileId, Role, Timestamp, UserId};
use garde::Validate;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::extract::present;

/// Longest display name, in characters.
const NAME_MAX: usize = 80;
/// Longest e-mail address, in bytes (RFC 5321 §4.5.3.1.3 less the angle brackets).
pub const EMAIL_MAX: usize = 254;

/// A user as stored.
#[derive(Debug, Clone)]
pub struct User {
    /// The user's id.
    pub id: UserId,
    /// The address, in lower case.
    pub email: String,
    /// The display name.
    pub name: String,
    /// Buyer, seller or administrator.
    pub role: Role,
    /// The password's PHC string.
    pub password_hash: String,
    /// The picture.
    pub avatar_id: Option<FileId>,
    /// Where a seller's money goes.
    pub payout_wallet: Option<PayoutWallet>,
    /// The code that others register with.
    pub referral_code: String,
    /// Who invited this user.
    pub referred_by: Option<UserId>,
    /// When the address was shown to be the user's.
    pub email_verified_at: Option<Timestamp>,
    /// When the user registered.
    pub created_at: Timestamp,
    /// The last change of the account.
    pub updated_at: Timestamp,
}

impl User {
    /// What everyone may know, with what others say about the user.
    pub fn public(self, rating: Option<Rating>) -> PublicUser {
        let Self { id, name, role, avatar_id, created_at, .. } = self;
        PublicUser { id, name, role, avatar_id, rating, created_at }
    }
}

impl FromRow for User {
    fn from_row(row: &Row) -> Result<Self, DbError> {
        let crypto: Option<String> = row.get("payout_crypto")?;
        let address: Option<String> = row.get("payout_address")?;
        Ok(Self {
            id: row.parse("id")?,
            email: row.get("email")?,
            name: row.get("name")?,
            role: row.parse("role")?,
            password_hash: row.get("password_hash")?,
            avatar_id: row.parse_optional("avatar_id")?,
            payout_wallet: crypto
                .zip(address)
                .map(|(crypto, address)| PayoutWallet { crypto, address }),
            referral_code: row.get("referral_code")?,
            referred_by: row.parse_optional("referred_by")?,
            email_verified_at: row
                .get::<Option<i64>>("email_verified_at")?
                .map(Timestamp::from_millis),
            created_at: Timestamp::from_millis(row.get("created_at")?),
            updated_at: Timestamp::from_millis(row.get("updated_at")?),
        })
    }
}

/// A user that is to be made.
pub struct NewUser {
    /// The address; case and surrounding spaces do not matter.
    pub email: String,
    /// The display name; surrounding spaces do not matter.
    pub name: String,
    /// Buyer, seller or administrator.
    pub role: Role,
    /// The password's PHC string.
    pub password_hash: String,
    /// The code of who invited the user.
    pub referral_code: Option<String>,
}

/// An account as its owner sees it.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Account {
    /// The user's id.
    #[serde(rename = "_id")]
    pub id: UserId,
    /// The address.
    #[schema(examples("ada@shop.example"))]
    pub email: String,
    /// Whether the address was shown to be the user's.
    pub email_verified: bool,
    /// The display name.
    #[schema(examples("Ada"))]
    pub name: String,
    /// Buyer, seller or administrator.
    pub role: Role,
    /// The picture.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub avatar_id: Option<FileId>,
    /// Where a seller's money goes.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub payout_wallet: Option<PayoutWallet>,
    /// The code that others register with.
    #[schema(examples("7K3M9XQ2VB"))]
    pub referral_code: String,
    /// When the user registered.
    pub created_at: Timestamp,
    /// The last change of the account.
    pub updated_at: Timestamp,
}

impl From<User> for Account {
    fn from(user: User) -> Self {
        Self {
            id: user.id,
            email: user.email,
            email_verified: user.email_verified_at.is_some(),
            name: user.name,
            role: user.role,
            avatar_id: user.avatar_id,
            payout_wallet: user.payout_wallet,
            referral_code: user.referral_code,
            created_at: user.created_at,
            updated_at: user.updated_at,
        }
    }
}

/// Where a seller's money goes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct PayoutWallet {
    /// The coin, as the payment gateway names it: `BTC`, `ETH-USDT`, …
    #[schema(examples("ETH-USDT"))]
    pub crypto: String,
    /// An address on the coin's chain.
    #[schema(examples("0x52908400098527886e0f7030069857d2e4169ee7"))]
    pub address: String,
}

/// Chains whose addresses are those of the EVM, by what their coins' names begin with.
const EVM_CHAINS: [&str; 8] =
    ["ETH", "BNB", "POLYGON", "MATIC", "AVALANCHE", "AVAX", "ARB", "OPTIMISM"];

impl PayoutWallet {
    fn is_evm(&self) -> bool {
        let chain = self.crypto.split('-').next().unwrap_or_default();
        EVM_CHAINS.contains(&chain)
    }

    /// What is wrong with it, as far as its form tells.
    ///
    /// # Errors
    /// The field and the message.
    pub fn check(&self) -> Result<(), (&'static str, &'static str)> {
        let crypto = self.crypto.as_bytes();
        let coin = |byte: &u8| byte.is_ascii_uppercase() || byte.is_ascii_digit() || *byte == b'-';
        if !(2..=20).contains(&crypto.len()) || !crypto.iter().all(coin) {
            return Err(("crypto", "is 2 to 20 capital letters, digits and \"-\""));
        }
        if self.is_evm() {
            let digits = self.address.strip_prefix("0x").unwrap_or_default();
            if digits.len() != 40 || !digits.bytes().all(|b| b.is_ascii_hexdigit()) {
                return Err(("address", "is 0x and 40 hexadecimal digits on this chain"));
            }
        } else if !(20..=120).contains(&self.address.len())
            || !self.address.bytes().all(|b| b.is_ascii_alphanumeric())
        {
            return Err(("address", "is 20 to 120 letters and digits"));
        }
        Ok(())
    }
}

impl Validate for PayoutWallet {
    type Context = ();

    fn validate_into(
        &self,
        (): &(),
        parent: &mut dyn FnMut() -> garde::Path,
        report: &mut garde::Report,
    ) {
        if let Err((field, message)) = self.check() {
            report.append(parent().join(field), garde::Error::new(message));
        }
    }
}

/// What owners may change of their accounts. Absent fields stay as they are, `null` removes.
#[derive(Debug, Default, Deserialize, Validate, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct AccountChange {
    /// The display name.
    #[serde(default, deserialize_with = "present")]
    #[garde(inner(custom(check_name)))]
    #[schema(min_length = 1, max_length = 80, nullable = false, examples("Ada"))]
    pub name: Option<String>,
    /// The picture, one of the owner's own files.
    #[serde(default, deserialize_with = "present")]
    #[garde(skip)]
    #[schema(value_type = Option<FileId>)]
    pub avatar_id: Option<Option<FileId>>,
    /// Where the money goes; for sellers.
    #[serde(default, deserialize_with = "present")]
    #[garde(dive)]
    #[schema(value_type = Option<PayoutWallet>)]
    pub payout_wallet: Option<Option<PayoutWallet>>,
}

/// A name is 1 to 80 characters without surrounding spaces, and none of them a control.
///
/// # Errors
/// What is wrong with it.
pub fn check_name(name: &str, (): &()) -> garde::Result {
    let length = name.trim().chars().count();
    if !(1..=NAME_MAX).contains(&length) {
        return Err(garde::Error::new("must have 1 to 80 characters"));
    }
    if name.trim().chars().any(char::is_control) {
        return Err(garde::Error::new("must not contain control characters"));
    }
    Ok(())
}

/// The stored form of an address: case does not matter to any mail provider in use.
pub fn normal_email(email: &str) -> String {
    email.trim().to_lowercase()
}

/// The order of a list of sellers.
#[derive(Debug, Clone, Copy, Default, Deserialize, ToSchema)]
pub enum SellerSort {
    /// By name.
    #[serde(rename = "name")]
    Name,
    /// By name, backwards.
    #[serde(rename = "-name")]
    NameDescending,
    /// Oldest first.
    #[serde(rename = "createdAt")]
    CreatedAt,
    /// Newest first.
    #[default]
    #[serde(rename = "-createdAt")]
    CreatedAtDescending,
}

/// Which sellers to list.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct SellerQuery {
    /// Counted from 1.
    #[param(minimum = 1, maximum = 1_000_000)]
    pub page: Option<i64>,
    /// Rows a page, 1 to 100.
    #[param(minimum = 1, maximum = 100)]
    pub limit: Option<i64>,
    /// The order.
    #[serde(default)]
    #[param(inline)]
    pub sort: SellerSort,
    /// A part of the name; case does not matter.
    pub q: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wallet(crypto: &str, address: &str) -> Result<(), (&'static str, &'static str)> {
        PayoutWallet { crypto: crypto.to_owned(), address: address.to_owned() }.check()
    }

    #[test]
    fn wallets_are_checked_by_their_chain() {
        let evm = "0x52908400098527886E0F7030069857D2E4169EE7";
        for (crypto, address) in [
            ("ETH", evm),
            ("ETH-USDT", &evm.to_lowercase()),
            ("BNB-USDC", evm),
            ("BTC", "bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4"),
            ("TRX-USDT", "TJRabPrwbZy45sbavfcjinPJC18kjpRTv8"),
            ("ETHEREUMCLASSIC", "TJRabPrwbZy45sbavfcjinPJC18kjpRTv8"),
        ] {
            assert_eq!(wallet(crypto, address), Ok(()), "{crypto} {address}");
        }
        for (crypto, address, field) in [
            ("", evm, "crypto"),
            ("eth", evm, "crypto"),
            ("ETH USDT", evm, "crypto"),
            ("ETH", &evm[..41], "address"),
            ("ETH", &evm.replace('5', "g"), "address"),
            ("ETH", &evm[2..], "address"),
            ("BTC", "short", "address"),
            ("BTC", &"x".repeat(121), "address"),
            ("BTC", "bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4;", "address"),
        ] {
            assert_eq!(wallet(crypto, address).unwrap_err().0, field, "{crypto} {address}");
        }
    }

    #[test]
    fn names_are_short_and_printable() {
        for good in ["A", " Ada ", &"ü".repeat(80), "李 明"] {
            assert!(check_name(good, &()).is_ok(), "{good:?}");
        }
        for bad in ["", "  ", &"x".repeat(81), "a\nb", "a\u{7f}b", "a\u{0}"] {
            assert!(check_name(bad, &()).is_err(), "{bad:?}");
        }
    }
}
