-- Facts about this database, such as the journal's epoch.
CREATE TABLE meta (
    key TEXT NOT NULL PRIMARY KEY,
    value TEXT NOT NULL
);

-- Events and controls in commit order. The sequencer moves them here from the outbox.
CREATE TABLE journal (
    position BIGINT NOT NULL PRIMARY KEY,
    event_id TEXT NOT NULL,
    name TEXT NOT NULL,
    audience TEXT NOT NULL,
    payload TEXT NOT NULL,
    created_at BIGINT NOT NULL
);
CREATE UNIQUE INDEX journal_event_id ON journal (event_id);

-- Events and controls of committed transactions that have no position yet.
CREATE TABLE outbox (
    id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    event_id TEXT NOT NULL,
    name TEXT NOT NULL,
    audience TEXT NOT NULL,
    payload TEXT NOT NULL,
    created_at BIGINT NOT NULL
);

-- The newest position given, in one row; locked while positions are given.
CREATE TABLE journal_head (
    only_one BOOLEAN NOT NULL PRIMARY KEY,
    position BIGINT NOT NULL,
    CONSTRAINT journal_head_only_one CHECK (only_one)
);
INSERT INTO journal_head (only_one, position) VALUES (TRUE, 0);

CREATE TABLE timers (
    kind TEXT NOT NULL,
    key TEXT NOT NULL,
    due_at BIGINT NOT NULL,
    attempts BIGINT NOT NULL,
    PRIMARY KEY (kind, key)
);
CREATE INDEX timers_due_at ON timers (due_at);

CREATE TABLE idempotency_keys (
    scope TEXT NOT NULL PRIMARY KEY,
    operation TEXT NOT NULL,
    digest TEXT NOT NULL,
    status BIGINT,
    answer TEXT,
    created_at BIGINT NOT NULL
);
CREATE INDEX idempotency_keys_created_at ON idempotency_keys (created_at);
