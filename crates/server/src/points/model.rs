//! Levels, what a deal earns, what points are worth: pure functions; and the documents.

use std::str::FromStr;

use events::{Currency, Money, PointsTransactionId, RequestId, Timestamp, UserId};
use garde::Validate;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::error::Result;
use crate::extract::Page;

/// So many redeemed points take one whole unit off a fee.
pub const POINTS_PER_UNIT: i64 = 100;

/// A level, reached by lifetime points.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Level {
    /// Its name.
    #[schema(examples("Silver"))]
    pub name: String,
    /// The lifetime points that it begins at.
    pub threshold: i64,
    /// What it brings.
    pub perks: Vec<String>,
}

/// `Silver:100:Priority support|Silver badge`; perks may be left out.
impl FromStr for Level {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mut parts = text.splitn(3, ':').map(str::trim);
        let name = parts.next().filter(|name| (1..=40).contains(&name.chars().count()));
        let name = name.ok_or("a level is NAME:POINTS:PERK|PERK")?;
        let threshold = parts.next().and_then(|points| points.parse().ok());
        let threshold = threshold.filter(|points| *points >= 0).ok_or("its points are a number")?;
        let perks = parts.next().into_iter().flat_map(|perks| perks.split('|')).map(str::trim);
        let perks = perks.filter(|perk| !perk.is_empty()).map(str::to_owned).collect();
        Ok(Self { name: name.to_owned(), threshold, perks })
    }
}

/// What is wrong with a list of levels.
///
/// # Errors
/// Where none begins at 0, or their points do not grow.
pub fn check_levels(levels: &[Level]) -> Result<(), &'static str> {
    if levels.first().is_none_or(|first| first.threshold != 0) {
        return Err("the first level must begin at 0 points");
    }
    if levels.windows(2).any(|pair| pair[0].threshold >= pair[1].threshold) {
        return Err("each level must begin at more points than the one before");
    }
    Ok(())
}

/// The number of the level of so many lifetime points. Levels are checked ([`check_levels`]).
pub fn level_at(levels: &[Level], lifetime: i64) -> usize {
    levels.iter().rposition(|level| level.threshold <= lifetime).unwrap_or(0)
}

/// What a completed deal earns each side: one point per whole unit of its price.
pub fn earned(price: &Money) -> i64 {
    price.minor().map_or(0, |minor| minor.max(0) / price.currency.minor_per_unit())
}

/// A part of a fee, in minor units, and the points that it costs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Discount {
    /// Points.
    pub points: i64,
    /// Minor units of the fee's currency.
    pub minor: i64,
}

/// Whether points lower fees in this currency: in fiat money and in coins that stand for a dollar.
/// A unit of any other coin may be worth a thousand times what the points were earned with.
fn is_redeemable(currency: Currency) -> bool {
    use Currency as C;
    match currency {
        C::Usd
        | C::Eur
        | C::Gbp
        | C::Chf
        | C::Cad
        | C::Aud
        | C::Inr
        | C::Try
        | C::Aed
        | C::Brl
        | C::Jpy
        | C::Usdt
        | C::Usdc
        | C::Dai => true,
        C::Trx
        | C::Xrp
        | C::Btc
        | C::Ltc
        | C::Doge
        | C::Xmr
        | C::Eth
        | C::Bnb
        | C::Pol
        | C::Avax
        | C::Sol => false,
    }
}

/// What `credit` redeemed points take off a fee of `fee` minor units: whole minor units, at most
/// the fee, and no more points than that costs.
pub fn discount(fee: i64, credit: i64, currency: Currency) -> Discount {
    if fee <= 0 || credit <= 0 || !is_redeemable(currency) {
        return Discount { points: 0, minor: 0 };
    }
    let (unit, rate) = (i128::from(currency.minor_per_unit()), i128::from(POINTS_PER_UNIT));
    let minor = (i128::from(credit) * unit / rate).min(i128::from(fee));
    let points = (minor * rate + unit - 1) / unit;
    // Both are bounded by an i64 each: the fee, and the credit.
    Discount { points: points as i64, minor: minor as i64 }
}

/// Why points moved.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    Serialize,
    ToSchema,
    strum::AsRefStr,
    strum::Display,
    strum::EnumString,
)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum Reason {
    /// A deal was completed.
    Deal,
    /// An invited user completed a first deal.
    Referral,
    /// They were redeemed.
    Redeem,
    /// They were not used in time.
    Expiry,
    /// The deal that had earned them was refunded.
    Refund,
    /// They pay what was taken back after it had been spent.
    Debt,
}

/// How points moved.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Movement {
    /// Came.
    Earn,
    /// Went for a discount.
    Spend,
    /// Were not used in time.
    Expire,
    /// Were taken back.
    Reverse,
}

impl From<Reason> for Movement {
    fn from(reason: Reason) -> Self {
        match reason {
            Reason::Deal | Reason::Referral => Self::Earn,
            Reason::Redeem => Self::Spend,
            Reason::Expiry => Self::Expire,
            Reason::Refund | Reason::Debt => Self::Reverse,
        }
    }
}

/// A movement of points.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct PointsTransaction {
    /// The movement.
    #[serde(rename = "_id")]
    pub id: PointsTransactionId,
    /// How they moved.
    #[serde(rename = "type")]
    pub movement: Movement,
    /// Why.
    pub reason: Reason,
    /// How many; negative where they went.
    pub amount: i64,
    /// The balance afterwards.
    pub balance_after: i64,
    /// The deal.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub request_id: Option<RequestId>,
    /// The invited user.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub referred_user_id: Option<UserId>,
    /// When.
    pub created_at: Timestamp,
}

/// Where the caller stands.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct MyPoints {
    /// Points that can be redeemed.
    pub balance: i64,
    /// Points earned and not taken back.
    pub lifetime_points: i64,
    /// The level that those reach.
    pub level: Level,
    /// The level above it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub next_level: Option<Level>,
    /// How many points are missing to it; 0 at the highest.
    pub points_to_next_level: i64,
    /// Redeemed points that wait for the fee of a later deal.
    pub fee_credit: i64,
    /// Points of refunded deals that were spent already: what is earned next pays them.
    pub owed: i64,
    /// The code that others register with.
    pub referral_code: String,
    /// The link to give away.
    #[schema(examples("https://api.shop.example/r/7K3M9XQ2VB"))]
    pub referral_link: String,
    /// How many users registered with it.
    pub referrals: i64,
}

/// A code to invite others with.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ReferralCode {
    /// The code that others register with.
    #[schema(examples("7K3M9XQ2VB"))]
    pub referral_code: String,
    /// The link to give away.
    #[schema(examples("https://api.shop.example/r/7K3M9XQ2VB"))]
    pub referral_link: String,
}

/// Somebody who registered with the caller's code.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Referral {
    /// The invited user.
    pub user_id: UserId,
    /// The display name.
    pub name: String,
    /// When they registered.
    pub joined_at: Timestamp,
    /// Whether their first deal brought points.
    pub rewarded: bool,
    /// How many.
    pub points: i64,
}

/// A place among all users.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct LeaderboardEntry {
    /// Counted from 1; users with as many points share it.
    pub rank: i64,
    /// The user.
    pub user_id: UserId,
    /// The display name.
    pub name: String,
    /// The name of the level.
    pub level: String,
    /// Points earned and not taken back.
    pub lifetime_points: i64,
}

/// How many points to redeem.
#[derive(Debug, Deserialize, Validate, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Redeem {
    /// At most the balance. 100 points take one whole unit off the fee of a later deal.
    #[garde(range(min = 1))]
    #[schema(minimum = 1, example = 100)]
    pub points: i64,
}

/// What became of redeemed points.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Redeemed {
    /// The movement.
    pub transaction: PointsTransaction,
    /// Points that can still be redeemed.
    pub balance: i64,
    /// Redeemed points that wait for the fee of a later deal.
    pub fee_credit: i64,
}

/// Which part of a list.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
#[into_params(parameter_in = Query)]
pub struct PageQuery {
    /// Counted from 1.
    #[param(minimum = 1, maximum = 1_000_000)]
    pub page: Option<i64>,
    /// Rows a page, 1 to 100; 20 by default.
    #[param(minimum = 1, maximum = 100)]
    pub limit: Option<i64>,
}

impl PageQuery {
    /// The page asked for.
    ///
    /// # Errors
    /// 422 for parameters that are out of range.
    pub fn page(&self) -> Result<Page> {
        Page::of(self.page, self.limit)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn levels(text: &str) -> Vec<Level> {
        text.split(',').map(|level| level.parse().unwrap()).collect()
    }

    #[test]
    fn levels_are_read_and_found() {
        let levels = levels("Bronze:0, Silver:100:Priority support|Silver badge,Gold:500:");
        assert_eq!(check_levels(&levels), Ok(()));
        assert_eq!(levels[1].perks, ["Priority support", "Silver badge"]);
        assert_eq!(levels[2].perks, Vec::<String>::new());
        for (lifetime, level) in [(0, 0), (99, 0), (100, 1), (499, 1), (500, 2), (i64::MAX, 2)] {
            assert_eq!(level_at(&levels, lifetime), level, "{lifetime}");
        }
    }

    #[test]
    fn wrong_levels_are_refused() {
        for text in ["", "Bronze", "Bronze:", "Bronze:-1", "Bronze:x", ":0"] {
            assert!(text.parse::<Level>().is_err(), "{text:?}");
        }
        for text in ["Silver:1", "A:0,B:5,C:5", "A:0,B:5,C:4"] {
            assert!(check_levels(&levels(text)).is_err(), "{text:?}");
        }
        assert!(check_levels(&[]).is_err());
    }

    #[test]
    fn a_whole_unit_earns_a_point() {
        for (minor, currency, points) in [
            (18_099, Currency::Usd, 180),
            (99, Currency::Usd, 0),
            (5, Currency::Jpy, 5),
            (1_999_999, Currency::Usdt, 1),
            (150_000_000, Currency::Btc, 1),
        ] {
            assert_eq!(earned(&Money::from_minor(minor, currency)), points);
        }
    }

    #[test]
    fn a_hundred_points_are_worth_a_unit() {
        let off = |fee, credit, currency| discount(fee, credit, currency);
        assert_eq!(off(500, 100, Currency::Usd), Discount { points: 100, minor: 100 });
        assert_eq!(off(50, 100, Currency::Usd), Discount { points: 50, minor: 50 });
        assert_eq!(off(50, 199, Currency::Jpy), Discount { points: 100, minor: 1 });
        assert_eq!(off(1, 100, Currency::Usdt), Discount { points: 1, minor: 1 });
        assert_eq!(off(0, 100, Currency::Usd), Discount { points: 0, minor: 0 });
        assert_eq!(off(500, 100, Currency::Btc), Discount { points: 0, minor: 0 });
    }

    #[test]
    fn a_discount_is_never_more_than_the_fee_or_the_credit() {
        let numbers = [0, 1, 2, 9, 99, 100, 101, 12_345, 1_000_000_007, i64::MAX - 1, i64::MAX];
        for &currency in Currency::ALL {
            for fee in numbers {
                for credit in numbers {
                    let off = discount(fee, credit, currency);
                    assert!((0..=fee).contains(&off.minor), "{fee} {credit} {off:?}");
                    assert!((0..=credit).contains(&off.points), "{fee} {credit} {off:?}");
                    // The points are worth what they took off, and no whole minor unit more.
                    let worth = i128::from(off.points) * i128::from(currency.minor_per_unit())
                        / i128::from(POINTS_PER_UNIT);
                    let unit = i128::from(currency.minor_per_unit() / POINTS_PER_UNIT).max(1);
                    let more = worth - i128::from(off.minor);
                    assert!((0..unit).contains(&more), "{fee} {credit} {off:?}");
                }
            }
        }
    }
}
