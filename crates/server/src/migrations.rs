//! The schema's history: the same steps for both engines, under `migrations/`.
//!
//! How to add a migration: a file of the same name in `migrations/sqlite` and
//! `migrations/postgres`, numbered on, and a line here. Names of unique indexes are
//! `<table>_<columns>` on both (see `db`); applied files never change.

use db::Migrations;

/// Every migration, in order.
pub const ALL: Migrations = db::migrations!("../../migrations":
    "0001_foundation",
    "0002_accounts",
    "0003_marketplace",
    "0004_presence",
    "0005_nodes",
    "0006_socket_sessions",
    "0007_money",
    "0008_shkeeper",
    "0009_evm",
    "0010_delivery",
    "0011_templates",
    "0012_disputes",
    "0013_chat",
    "0014_files",
    "0015_notifications",
    "0016_points",
    "0017_reviews",
    "0018_webhooks",
    "0019_auth_attempts",
    "0020_socket_session_indexes",
);
