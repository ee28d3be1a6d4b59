//! The realtime gateway. What stock clients see of it is tested in `tests/clients`.

mod joins;
mod memberships;
mod sockets;
mod typing;
