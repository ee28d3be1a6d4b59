//! What moves points.

use std::collections::{BTreeMap, BTreeSet};

use events::documents::PurchaseRequest;
use events::points::{LevelUp, ReferralReward};
use events::{Currency, Money, Owner, PointsTransactionId, RequestId, Timestamp, UserId};

use super::error::PointsError;
use super::model::{
    LeaderboardEntry, Level, MyPoints, PageQuery, PointsTransaction, Reason, Redeemed, Referral,
    ReferralCode, discount, earned, level_at,
};
use super::store::{self, Account, Entry};
use crate::app::App;
use crate::config::PointsConfig;
use crate::error::Result;
use crate::extract::{Caller, Listing};
use crate::journal::Tx;
use crate::notifications::Notice;
use crate::notifications::service::notify;
use crate::users;

/// The timer that ends points which were not used in time; its key is the movement they came by.
pub const EXPIRY: &str = "points_expiry";

/// A deal was completed: both sides earn, and whoever invited them where it was their first.
/// Again is no change. Called with the request locked.
///
/// # Errors
/// 503.
pub async fn deal_completed(
    tx: &mut Tx,
    app: &App,
    request: &PurchaseRequest,
    seller: &UserId,
    price: &Money,
) -> Result<()> {
    let config = &app.config.points;
    let points = earned(price);
    let parties = [&request.buyer_id, seller];
    let mut rewards = Vec::new();
    for party in parties {
        if config.referral_reward > 0
            && let Some(referrer) = users::service::referrer(tx, party).await?
            && !store::exists(tx, &referrer, Reason::Referral, party.as_str()).await?
        {
            rewards.push((referrer, party));
        }
    }
    let users = parties.into_iter().chain(rewards.iter().map(|(referrer, _)| referrer));
    let mut accounts = Accounts::lock(tx, users.cloned()).await?;
    for party in parties {
        let why = Why { reason: Reason::Deal, reference: request.id.as_str(), request };
        accounts.earn(tx, config, party, &why, points).await?;
    }
    for (referrer, party) in &rewards {
        let why = Why { reason: Reason::Referral, reference: party.as_str(), request };
        let reward = config.referral_reward;
        if let Some(id) = accounts.earn(tx, config, referrer, &why, reward).await? {
            let event = ReferralReward {
                referred_user_id: (*party).clone(),
                points: u32::try_from(reward).unwrap_or(u32::MAX),
                transaction_id: id,
            };
            tx.emit(event, &Owner(referrer.clone()))?;
            let user = (*party).clone();
            notify(tx, referrer, Notice::ReferralReward { user, points: reward });
        }
    }
    accounts.save(tx).await
}

/// A deal was refunded: what it earned is taken back, and a discount on its fee is credit again.
/// Again is no change. Called with the request locked.
///
/// # Errors
/// 503.
pub async fn deal_refunded(tx: &mut Tx, request: &PurchaseRequest) -> Result<()> {
    let earnings = store::earned_by(tx, &request.id).await?;
    let mut accounts = Accounts::lock(tx, earnings.iter().map(|(user, ..)| user.clone())).await?;
    for (user, id, amount) in &earnings {
        accounts.take_back(tx, user, request, id, *amount).await?;
    }
    accounts.save(tx).await?;
    return_discount(tx, &request.id).await
}

/// What is left of a deal's fee of `fee` minor units after the user's redeemed points, which it
/// uses up. Asked again for the same request it says the same.
///
/// A transaction that asks for several requests does so in the order of the users' ids.
///
/// # Errors
/// 503.
pub async fn fee_after_discount(
    tx: &mut Tx,
    user: &UserId,
    request: &RequestId,
    fee: i64,
    currency: Currency,
) -> Result<i64> {
    if let Some((_, _, off)) = store::discount_on(tx, request).await? {
        return Ok((fee - off).max(0));
    }
    if store::find(tx, user).await?.credit == 0 {
        return Ok(fee);
    }
    let mut account = store::lock(tx, user).await?;
    let off = discount(fee, account.credit, currency);
    if off.points > 0 {
        account.credit -= off.points;
        store::save(tx, user, &account).await?;
        store::insert_discount(tx, request, user, off, currency).await?;
    }
    Ok(fee - off.minor)
}

/// The deal came to nothing before its fee was taken: the discount is credit again.
///
/// # Errors
/// 503.
pub async fn return_discount(tx: &mut Tx, request: &RequestId) -> Result<()> {
    let Some((user, points, _)) = store::discount_on(tx, request).await? else { return Ok(()) };
    let mut account = store::lock(tx, &user).await?;
    account.credit = account.credit.saturating_add(points);
    store::save(tx, &user, &account).await?;
    Ok(store::delete_discount(tx, request).await?)
}

/// Turns points into credit for the fee of a later deal.
///
/// # Errors
/// 409 `not_enough_points`.
pub async fn redeem(tx: &mut Tx, caller: &Caller, points: i64) -> Result<Redeemed> {
    let user = &caller.user_id;
    let mut account = store::lock(tx, user).await?;
    if points > account.balance {
        return Err(PointsError::NotEnough(account.balance).into());
    }
    account.credit = account.credit.saturating_add(points);
    let id: PointsTransactionId = tx.new_id();
    let reference = id.as_str().to_owned();
    record(tx, user, &mut account, &id, Reason::Redeem, &reference, None, -points).await?;
    store::save(tx, user, &account).await?;
    let transaction = PointsTransaction {
        id,
        movement: Reason::Redeem.into(),
        reason: Reason::Redeem,
        amount: -points,
        balance_after: account.balance,
        request_id: None,
        referred_user_id: None,
        created_at: tx.now(),
    };
    Ok(Redeemed { transaction, balance: account.balance, fee_credit: account.credit })
}

/// The timer [`EXPIRY`]: what came by this movement and was not used since is gone. What is used
/// are always the oldest points.
///
/// # Errors
/// 503.
pub async fn expire(tx: &mut Tx, id: &PointsTransactionId) -> Result<()> {
    let Some((user, number)) = store::place(tx, id).await? else { return Ok(()) };
    let mut account = store::lock(tx, &user).await?;
    let points = store::unused_until(tx, &user, number).await?.min(account.balance);
    if points <= 0 {
        return Ok(());
    }
    let new: PointsTransactionId = tx.new_id();
    record(tx, &user, &mut account, &new, Reason::Expiry, id.as_str(), None, -points).await?;
    store::save(tx, &user, &account).await?;
    notify(tx, &user, Notice::PointsExpired { points });
    Ok(())
}

/// What points are earned for.
struct Why<'a> {
    reason: Reason,
    reference: &'a str,
    request: &'a PurchaseRequest,
}

/// Accounts that are locked together, in the order of their users' ids.
struct Accounts(BTreeMap<UserId, Account>);

impl Accounts {
    async fn lock(tx: &mut Tx, users: impl Iterator<Item = UserId>) -> Result<Self> {
        let mut accounts = BTreeMap::new();
        for user in users.collect::<BTreeSet<_>>() {
            let account = store::lock(tx, &user).await?;
            accounts.insert(user, account);
        }
        Ok(Self(accounts))
    }

    async fn save(self, tx: &mut Tx) -> Result<()> {
        for (user, account) in &self.0 {
            store::save(tx, user, account).await?;
        }
        Ok(())
    }

    /// The movement, unless there is one for this already or there is nothing to earn.
    async fn earn(
        &mut self,
        tx: &mut Tx,
        config: &PointsConfig,
        user: &UserId,
        why: &Why<'_>,
        points: i64,
    ) -> Result<Option<PointsTransactionId>> {
        let Some(account) = self.0.get_mut(user) else { return Ok(None) };
        if points <= 0 || store::exists(tx, user, why.reason, why.reference).await? {
            return Ok(None);
        }
        let request = Some(&why.request.id);
        let id: PointsTransactionId = tx.new_id();
        record(tx, user, account, &id, why.reason, why.reference, request, points).await?;
        account.lifetime = account.lifetime.saturating_add(points);
        let owed = account.owed.min(account.balance);
        if owed > 0 {
            account.owed -= owed;
            let paid: PointsTransactionId = tx.new_id();
            record(tx, user, account, &paid, Reason::Debt, id.as_str(), None, -owed).await?;
        }
        let ends = tx.now().as_millis() + config.expire_after.as_millis() as i64;
        tx.schedule_at(EXPIRY, id.as_str(), Timestamp::from_millis(ends)).await?;
        level_up(tx, &config.levels, user, account)?;
        Ok(Some(id))
    }

    /// Takes back what a movement brought, once. What was spent of it is owed.
    async fn take_back(
        &mut self,
        tx: &mut Tx,
        user: &UserId,
        request: &PurchaseRequest,
        earning: &PointsTransactionId,
        amount: i64,
    ) -> Result<()> {
        let Some(account) = self.0.get_mut(user) else { return Ok(()) };
        if store::exists(tx, user, Reason::Refund, earning.as_str()).await? {
            return Ok(());
        }
        let points = amount.min(account.balance);
        let id: PointsTransactionId = tx.new_id();
        let (reason, reference) = (Reason::Refund, earning.as_str());
        record(tx, user, account, &id, reason, reference, Some(&request.id), -points).await?;
        account.owed = account.owed.saturating_add(amount - points);
        account.lifetime = (account.lifetime - amount).max(0);
        let notice = Notice::PointsReversed { request: request.id.clone(), points: amount };
        notify(tx, user, notice);
        Ok(())
    }
}

/// Adds a movement and its effect on the balance.
#[expect(clippy::too_many_arguments, reason = "a movement has that many sides")]
async fn record(
    tx: &mut Tx,
    user: &UserId,
    account: &mut Account,
    id: &PointsTransactionId,
    reason: Reason,
    reference: &str,
    request: Option<&RequestId>,
    amount: i64,
) -> Result<()> {
    account.balance = account.balance.saturating_add(amount);
    account.last_number += 1;
    let entry = Entry {
        id: id.clone(),
        number: account.last_number,
        reason,
        reference,
        request,
        amount,
        balance_after: account.balance,
    };
    Ok(store::insert(tx, user, &entry).await?)
}

/// Tells of a level that the user was never on.
fn level_up(tx: &mut Tx, levels: &[Level], user: &UserId, account: &mut Account) -> Result<()> {
    if account.lifetime <= account.peak {
        return Ok(());
    }
    let (old, new) = (level_at(levels, account.peak), level_at(levels, account.lifetime));
    account.peak = account.lifetime;
    if new == old {
        return Ok(());
    }
    let (old, new) = (&levels[old], &levels[new]);
    let event = LevelUp {
        old_level: old.name.clone(),
        new_level: new.name.clone(),
        lifetime_points: u64::try_from(account.lifetime).unwrap_or_default(),
        perks: new.perks.clone(),
    };
    let notice = Notice::LevelUp {
        old_level: old.name.clone(),
        new_level: new.name.clone(),
        perks: new.perks.clone(),
    };
    notify(tx, user, notice);
    tx.emit(event, &Owner(user.clone()))
}

/// Where the caller stands.
///
/// # Errors
/// 503.
pub async fn mine(app: &App, caller: &Caller) -> Result<MyPoints> {
    let levels = &app.config.points.levels;
    let mut tx = app.db.begin_read().await?;
    let account = store::find(&mut tx, &caller.user_id).await?;
    let referrals = store::count_referrals(&mut tx, &caller.user_id).await?;
    let ReferralCode { referral_code, referral_link } = code(app, &mut tx, caller).await?;
    let level = level_at(levels, account.lifetime);
    let next_level = levels.get(level + 1).cloned();
    Ok(MyPoints {
        balance: account.balance,
        lifetime_points: account.lifetime,
        level: levels[level].clone(),
        points_to_next_level: next_level
            .as_ref()
            .map_or(0, |next| next.threshold - account.lifetime),
        next_level,
        fee_credit: account.credit,
        owed: account.owed,
        referral_code,
        referral_link,
        referrals,
    })
}

/// The caller's referral code, which every user has from the registration on.
///
/// # Errors
/// 503.
pub async fn referral_code(app: &App, caller: &Caller) -> Result<ReferralCode> {
    let mut tx = app.db.begin_read().await?;
    code(app, &mut tx, caller).await
}

async fn code(app: &App, tx: &mut db::Tx, caller: &Caller) -> Result<ReferralCode> {
    let referral_code = users::service::find(tx, &caller.user_id).await?.referral_code;
    let referral_link = format!("{}/r/{referral_code}", app.config.http.public_url);
    Ok(ReferralCode { referral_code, referral_link })
}

/// One page of the caller's movements.
///
/// # Errors
/// 422 for parameters that cannot be used.
pub async fn transactions(
    app: &App,
    caller: &Caller,
    query: &PageQuery,
) -> Result<Listing<PointsTransaction>> {
    let page = query.page()?;
    let (rows, total) = store::list(&app.db, &caller.user_id, page).await?;
    Ok(page.listing(rows, total))
}

/// One page of those whom the caller invited.
///
/// # Errors
/// 422 for parameters that cannot be used.
pub async fn referrals(app: &App, caller: &Caller, query: &PageQuery) -> Result<Listing<Referral>> {
    let page = query.page()?;
    // Both statements look at the same state.
    let mut tx = app.db.begin_read().await?;
    let total = store::count_referrals(&mut tx, &caller.user_id).await?;
    let rows = store::referrals(&mut tx, &caller.user_id, page).await?;
    Ok(page.listing(rows, total))
}

/// One page of all users with points, most first.
///
/// # Errors
/// 422 for parameters that cannot be used.
pub async fn leaderboard(app: &App, query: &PageQuery) -> Result<Listing<LeaderboardEntry>> {
    let levels = &app.config.points.levels;
    let page = query.page()?;
    let (rows, total) = store::leaderboard(&app.db, page).await?;
    let entry = |row: store::Ranked| LeaderboardEntry {
        rank: row.rank,
        user_id: row.user,
        name: row.name,
        level: levels[level_at(levels, row.lifetime)].name.clone(),
        lifetime_points: row.lifetime,
    };
    Ok(page.listing(rows.into_iter().map(entry).collect(), total))
}
