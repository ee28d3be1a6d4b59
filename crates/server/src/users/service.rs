//! What is done with accounts.

use db::ResultExt;
use events::documents::PublicUser;
use events::points::ReferralSignup;
use events::{Owner, Role, UserId};

use super::error::UserError;
use super::model::{AccountChange, NewUser, SellerQuery, User, normal_email};
use super::store;
use crate::app::App;
use crate::clock::Randomness;
use crate::error::{ApiError, Result};
use crate::extract::{Listing, Page};
use crate::files;
use crate::journal::Tx;
use crate::notifications::Notice;
use crate::notifications::service::notify;
use crate::payouts;
use crate::text::like_pattern;

/// Letters and digits of referral codes: none that look alike.
const CODE_ALPHABET: &[u8; 31] = b"23456789ABCDEFGHJKLMNPQRSTUVWXY";
/// 31¹⁰ codes: with a million users the chance that a new one is taken is one in 10⁹, and then
/// the registration fails and can be repeated.
const CODE_LENGTH: usize = 10;

fn new_referral_code(random: &Randomness) -> String {
    let letter = || CODE_ALPHABET[random.below(CODE_ALPHABET.len() as u32) as usize];
    (0..CODE_LENGTH).map(|_| char::from(letter())).collect()
}

/// Makes an account and tells the referrer, where there is one.
///
/// # Errors
/// 409 `email_taken`; 422 for an unknown referral code.
pub async fn create(tx: &mut Tx, app: &App, new: NewUser) -> Result<User> {
    let referred_by = match new.referral_code {
        None => None,
        Some(code) => Some(
            store::find_by_code(tx, &code.trim().to_ascii_uppercase())
                .await?
                .ok_or(UserError::UnknownReferralCode)?,
        ),
    };
    let user = User {
        id: tx.new_id(),
        email: normal_email(&new.email),
        name: new.name.trim().to_owned(),
        role: new.role,
        password_hash: new.password_hash,
        avatar_id: None,
        payout_wallet: None,
        referral_code: new_referral_code(&app.random),
        referred_by,
        email_verified_at: None,
        created_at: tx.now(),
        updated_at: tx.now(),
    };
    store::insert(tx, &user)
        .await
        .on_constraint("users_email", || ApiError::from(UserError::EmailTaken))?;
    if let Some(referrer) = &user.referred_by {
        let signup = ReferralSignup {
            referred_user_id: user.id.clone(),
            name: user.name.clone(),
            joined_at: user.created_at,
        };
        tx.emit(signup, &Owner(referrer.clone()))?;
        let (id, name) = (user.id.clone(), user.name.clone());
        notify(tx, referrer, Notice::ReferralSignup { user: id, name });
    }
    Ok(user)
}

/// The user with this id.
///
/// # Errors
/// 404; 503.
pub async fn find(tx: &mut db::Tx, id: &UserId) -> Result<User> {
    store::find(tx, id).await?.ok_or_else(ApiError::not_found)
}

/// Who invited this user; nobody where the chain of referrers leads back to the user, so that
/// nobody is paid for inviting themselves by a detour.
///
/// # Errors
/// 503.
pub async fn referrer(tx: &mut Tx, id: &UserId) -> Result<Option<UserId>> {
    let Some(referrer) = store::referrer(tx, id).await? else { return Ok(None) };
    let circular = store::is_above(tx, id, &referrer).await?;
    Ok(Some(referrer).filter(|_| !circular))
}

/// The user with this address, in whatever case.
///
/// # Errors
/// 503.
pub async fn find_by_email(tx: &mut db::Tx, email: &str) -> Result<Option<User>> {
    Ok(store::find_by_email(tx, &normal_email(email)).await?)
}

/// The user with this id, whom nobody changes until the transaction ends.
///
/// # Errors
/// 404; 503.
pub async fn lock(tx: &mut db::Tx, id: &UserId) -> Result<User> {
    store::lock(tx, id).await?.ok_or_else(ApiError::not_found)
}

/// Replaces the password's hash. False where it is not `old` any more: someone was faster.
///
/// # Errors
/// 503.
pub async fn replace_password(tx: &mut Tx, id: &UserId, old: &str, new: &str) -> Result<bool> {
    let now = tx.now();
    Ok(store::replace_password(tx, id, old, new, now).await?)
}

/// The address is the user's: a secret that was sent there came back.
///
/// # Errors
/// 503.
pub async fn verify_email(tx: &mut Tx, id: &UserId) -> Result<()> {
    let now = tx.now();
    Ok(store::verify_email(tx, id, now).await?)
}

/// Changes the account's own data.
///
/// # Errors
/// 422 for a wallet of one who is no seller, and for a file that is not the user's.
pub async fn change(tx: &mut Tx, id: &UserId, change: AccountChange) -> Result<User> {
    let mut user = lock(tx, id).await?;
    if let Some(name) = change.name {
        name.trim().clone_into(&mut user.name);
    }
    if let Some(avatar_id) = change.avatar_id {
        if !files::service::set_avatar(tx, id, avatar_id.as_ref()).await? {
            return Err(UserError::UnknownAvatar.into());
        }
        user.avatar_id = avatar_id;
    }
    if let Some(wallet) = change.payout_wallet {
        if wallet.is_some() && user.role != Role::Seller {
            return Err(UserError::NotASeller.into());
        }
        if wallet.is_some() && wallet != user.payout_wallet {
            payouts::service::wallet_set(tx, id).await?;
        }
        user.payout_wallet = wallet;
    }
    user.updated_at = tx.now();
    store::update_profile(tx, &user).await?;
    Ok(user)
}

/// What everyone may know of a user.
///
/// # Errors
/// 404; 503.
pub async fn profile(tx: &mut db::Tx, id: &UserId) -> Result<PublicUser> {
    let user = find(tx, id).await?;
    let rating = store::rating(tx, id).await?;
    Ok(user.public(rating))
}

/// What everyone may know of a seller.
///
/// # Errors
/// 404, also for a user who is no seller.
pub async fn seller(tx: &mut db::Tx, id: &UserId) -> Result<PublicUser> {
    find_seller(tx, id).await?.ok_or_else(ApiError::not_found)
}

/// As [`seller`], where there may be none.
///
/// # Errors
/// 503.
pub async fn find_seller(tx: &mut db::Tx, id: &UserId) -> Result<Option<PublicUser>> {
    let user = store::find(tx, id).await?.filter(|user| user.role == Role::Seller);
    let Some(user) = user else { return Ok(None) };
    let rating = store::rating(tx, id).await?;
    Ok(Some(user.public(rating)))
}

/// A page of sellers.
///
/// # Errors
/// 422 for a page that cannot be.
pub async fn sellers(tx: &mut db::Tx, query: SellerQuery) -> Result<Listing<PublicUser>> {
    let page = Page::of(query.page, query.limit)?;
    let pattern = query.q.as_deref().map(str::trim).filter(|q| !q.is_empty()).map(like_pattern);
    let (rows, total) = store::sellers(tx, query.sort, pattern.as_deref(), page).await?;
    Ok(page.listing(rows, total))
}
