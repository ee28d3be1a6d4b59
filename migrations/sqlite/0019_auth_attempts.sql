-- Attempts at passwords and mails, where several nodes count them together: when a key (what was
-- tried, and the address) has its whole quota again.
CREATE TABLE auth_attempts (
    key TEXT NOT NULL PRIMARY KEY,
    full_at BIGINT NOT NULL
);
CREATE INDEX auth_attempts_full_at ON auth_attempts (full_at);
