CREATE TABLE users (
    id TEXT NOT NULL PRIMARY KEY,
    email TEXT NOT NULL,
    name TEXT NOT NULL,
    role TEXT NOT NULL,
    password_hash TEXT NOT NULL,
    avatar_id TEXT,
    payout_crypto TEXT,
    payout_address TEXT,
    referral_code TEXT NOT NULL,
    referred_by TEXT REFERENCES users (id),
    email_verified_at BIGINT,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    CONSTRAINT users_role_known CHECK (role IN ('buyer', 'seller', 'admin')),
    CONSTRAINT users_payout_whole CHECK ((payout_crypto IS NULL) = (payout_address IS NULL))
);
CREATE UNIQUE INDEX users_email ON users (email);
CREATE UNIQUE INDEX users_referral_code ON users (referral_code);
CREATE INDEX users_referred_by ON users (referred_by);
CREATE INDEX users_role_created_at ON users (role, created_at);

-- Sign-ins: each is the family of refresh tokens that one login started.
CREATE TABLE sessions (
    id TEXT NOT NULL PRIMARY KEY,
    user_id TEXT NOT NULL REFERENCES users (id),
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    ended_at BIGINT,
    ended_reason TEXT,
    CONSTRAINT sessions_ended_whole CHECK ((ended_at IS NULL) = (ended_reason IS NULL))
);
CREATE INDEX sessions_user_id ON sessions (user_id);
CREATE INDEX sessions_ended_at ON sessions (ended_at);
CREATE INDEX sessions_expires_at ON sessions (expires_at);

-- Of tokens only the SHA-256 is kept, so what is stored here lets nobody in.
CREATE TABLE refresh_tokens (
    hash TEXT NOT NULL PRIMARY KEY,
    session_id TEXT NOT NULL REFERENCES sessions (id) ON DELETE CASCADE,
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    used_at BIGINT
);
CREATE INDEX refresh_tokens_session_id ON refresh_tokens (session_id);
CREATE INDEX refresh_tokens_expires_at ON refresh_tokens (expires_at);

-- The secrets of links in mails.
CREATE TABLE one_time_tokens (
    hash TEXT NOT NULL PRIMARY KEY,
    kind TEXT NOT NULL,
    user_id TEXT NOT NULL REFERENCES users (id),
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    used_at BIGINT,
    CONSTRAINT one_time_tokens_kind_known CHECK (kind IN ('verify_email', 'reset_password'))
);
CREATE INDEX one_time_tokens_user_id_kind ON one_time_tokens (user_id, kind);
CREATE INDEX one_time_tokens_expires_at ON one_time_tokens (expires_at);
