-- Who is online, or was: written when that changes, and read at the start of a node.
CREATE TABLE presence (
    user_id TEXT NOT NULL PRIMARY KEY,
    online BOOLEAN NOT NULL,
    last_seen BIGINT NOT NULL
);
CREATE INDEX presence_online ON presence (online);
