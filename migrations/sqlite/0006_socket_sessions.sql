-- Sessions of sockets, from which a client that was away goes on (contract §1.6).
CREATE TABLE socket_sessions (
    -- Of the private id that the client holds, its hash.
    id TEXT NOT NULL PRIMARY KEY,
    sid TEXT NOT NULL,
    user_id TEXT,
    -- The journal's position at its beginning.
    base BIGINT NOT NULL,
    rooms TEXT NOT NULL,
    -- The node that has, or had, its socket.
    owner TEXT NOT NULL,
    left_at BIGINT
);
CREATE INDEX socket_sessions_left_at ON socket_sessions (left_at);
CREATE INDEX socket_sessions_owner ON socket_sessions (owner);
