//! Points and referrals (reference, "Points").

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::audience::{Access, Audience, Domain, Event, EventInfo, Owner};
use crate::catalog::EventList;
use crate::example;
use crate::ids::{PointsTransactionId, UserId};
use crate::rooms::Room;
use crate::time::Timestamp;

pub(crate) fn list(events: &mut EventList) {
    events.add::<LevelUp>();
    events.add::<ReferralReward>();
    events.add::<ReferralSignup>();
}

/// A user reached a higher level.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct LevelUp {
    /// The name of the level before.
    pub old_level: String,
    /// The name of the level now.
    pub new_level: String,
    /// All points ever earned.
    pub lifetime_points: u64,
    /// What the new level brings.
    pub perks: Vec<String>,
}

impl Event for LevelUp {
    const NAME: &'static str = "level-up";
    const INFO: EventInfo = EventInfo::new(
        Domain::Points,
        "The user reached a higher level.",
        "Lifetime points pass a level's threshold.",
    );
    /// The user.
    type Address = Owner;

    fn audience(&self, _: Access, owner: &Owner) -> Audience {
        Audience::room(Room::User(owner.0.clone()))
    }

    fn examples() -> Vec<(Self, Owner)> {
        let event = Self {
            old_level: "Bronze".to_owned(),
            new_level: "Silver".to_owned(),
            lifetime_points: 112,
            perks: vec!["Priority support".to_owned()],
        };
        vec![(event, Owner(example::user()))]
    }
}

/// A referral paid off.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ReferralReward {
    /// Who was invited.
    pub referred_user_id: UserId,
    /// How many points it brought.
    pub points: u32,
    /// The movement of points.
    pub transaction_id: PointsTransactionId,
}

impl Event for ReferralReward {
    const NAME: &'static str = "referral-reward";
    const INFO: EventInfo = EventInfo::new(
        Domain::Points,
        "The referrer got points for an invited user.",
        "The invited user's first deal completes.",
    );
    /// The referrer.
    type Address = Owner;

    fn audience(&self, _: Access, referrer: &Owner) -> Audience {
        Audience::room(Room::User(referrer.0.clone()))
    }

    fn examples() -> Vec<(Self, Owner)> {
        let event = Self {
            referred_user_id: example::user(),
            points: 50,
            transaction_id: example::points_transaction(),
        };
        vec![(event, Owner(example::referrer()))]
    }
}

/// An invited user registered.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ReferralSignup {
    /// Who was invited.
    pub referred_user_id: UserId,
    /// Their display name.
    pub name: String,
    /// When they registered.
    pub joined_at: Timestamp,
}

impl Event for ReferralSignup {
    const NAME: &'static str = "referral-signup";
    const INFO: EventInfo = EventInfo::new(
        Domain::Points,
        "An invited user registered.",
        "A user registers with a referral code.",
    );
    /// The referrer.
    type Address = Owner;

    fn audience(&self, _: Access, referrer: &Owner) -> Audience {
        Audience::room(Room::User(referrer.0.clone()))
    }

    fn examples() -> Vec<(Self, Owner)> {
        let event = Self {
            referred_user_id: example::user(),
            name: "Ada".to_owned(),
            joined_at: example::time(),
        };
        vec![(event, Owner(example::referrer()))]
    }
}
