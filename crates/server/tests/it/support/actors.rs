//! People who use the program. They are made in the database and get their token from its
//! issuer: no password is hashed and no request is spent.

use std::sync::atomic::{AtomicU64, Ordering};

use db::{args, sql};
use events::{Role, UserId};
use souk::extract::Session;

use super::{TestApp, http};

/// A user who is signed in.
#[derive(Clone)]
pub struct Actor {
    /// The user.
    pub id: UserId,
    /// The display name.
    pub name: String,
    /// The address; nobody can sign in with it, for want of a password.
    pub email: String,
    /// Buyer, seller or administrator.
    pub role: Role,
    /// The referral code.
    pub referral_code: String,
    /// The sign-in.
    pub session: Session,
    /// A valid access token.
    pub token: String,
    pub(super) client: http::Client,
}

impl TestApp {
    /// A new buyer.
    pub async fn buyer(&self) -> Actor {
        self.actor(Role::Buyer).await
    }

    /// A new seller.
    pub async fn seller(&self) -> Actor {
        self.actor(Role::Seller).await
    }

    /// A new administrator.
    pub async fn admin(&self) -> Actor {
        self.actor(Role::Admin).await
    }

    /// A new user with this role.
    pub async fn actor(&self, role: Role) -> Actor {
        static NEXT: AtomicU64 = AtomicU64::new(1);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let mut tx = self.app.begin().await.expect("a transaction");
        let (id, now) = (tx.new_id::<UserId>(), tx.now());
        let name = format!("{role} {number}");
        let email = format!("{role}{number}@actors.example");
        let referral_code = format!("ACTOR{number:05}");
        tx.execute(
            sql!(
                "INSERT INTO users (id, email, name, role, password_hash, referral_code,
                                    created_at, updated_at)
                 VALUES ($1, $2, $3, $4, 'none', $5, $6, $6)"
            ),
            args![&id, &email, &name, &role, &referral_code, now.as_millis()],
        )
        .await
        .expect("a user");
        let session = Session(format!("session-{id}").into());
        tx.execute(
            sql!(
                "INSERT INTO sessions (id, user_id, created_at, expires_at)
                 VALUES ($1, $2, $3, $4)"
            ),
            args![&session.0, &id, now.as_millis(), now.as_millis() + 86_400_000],
        )
        .await
        .expect("a sign-in");
        tx.commit().await.expect("a commit");
        let nonce = self.app.random.bytes();
        let (token, _) =
            self.app.tokens.issue(&id, role, &session, now, nonce).expect("an access token");
        let client = self.client.clone();
        Actor { id, name, email, role, referral_code, session, token, client }
    }
}
