//! The schema's history: the same steps for both engines, under `migrations/`.
//!
//! How to add a migration: a file of the same name in `migrations/sqlite` and
//! `migrations/postgres`, numbered on, and a line here. Names of unique indexes are
//! `<table>_<columns>` on both (see `db`); applied files never change.

use db::Migrations;

macro_rules! twins {
    ($($name:literal),* $(,)?) => {
        Migrations {
            sqlite: &[$((
                $name,
                include_str!(concat!("../../../migrations/sqlite/", $name, ".sql")),
            )),*],
            postgres: &[$((
                $name,
                include_str!(concat!("../../../migrations/postgres/", $name, ".sql")),
            )),*],
        }
    };
}

/// Every migration, in order.
pub const ALL: Migrations = twins!["0001_foundation"];
