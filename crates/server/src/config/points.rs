//! Points and levels (contract §3.7).

use std::time::Duration;

use super::env::Env;
use crate::points::model::{Level, check_levels};

/// Points and levels (contract §3.7).
#[derive(Debug, Clone)]
pub struct PointsConfig {
    /// The levels, lowest first; never none.
    pub levels: Vec<Level>,
    /// What a referrer gets for an invited user's first completed deal; 0 switches it off.
    pub referral_reward: i64,
    /// Points that are not used within this time are gone.
    pub expire_after: Duration,
}

/// The levels by default (contract §3.7).
const LEVELS: &str = "Bronze:0,Silver:100:Silver badge|Priority support,\
                      Gold:500:Gold badge|Priority support|Featured in search,\
                      Platinum:2000:Platinum badge|Personal support|Featured in search";

pub(super) fn read(env: &mut Env<'_>) -> PointsConfig {
    env.section("Points");
    let levels: Vec<Level> = env.list(
        "POINTS_LEVELS",
        LEVELS,
        "NAME:LIFETIME_POINTS:PERK|PERK, lowest first, separated by commas.",
    );
    if let Err(problem) = check_levels(&levels) {
        env.problem("POINTS_LEVELS", problem);
    }
    let referral_reward = env.get(
        "REFERRAL_REWARD_POINTS",
        "50",
        "What a referrer gets when an invited user's first deal completes; 0: nothing.",
    );
    if !(0..=1_000_000).contains(&referral_reward) {
        env.problem("REFERRAL_REWARD_POINTS", "must be between 0 and 1000000");
    }
    let expire_after = env.duration(
        "POINTS_EXPIRE_AFTER",
        "365d",
        "Points that are not redeemed within this time are gone.",
    );
    PointsConfig { levels, referral_reward, expire_after }
}
