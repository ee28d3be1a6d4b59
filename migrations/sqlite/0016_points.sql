-- What a user's points add up to; whoever moves points locks this row first. `balance` can be spent.
-- `lifetime` is all that was earned and not taken back, `peak` the most it ever was. `owed` was
-- taken back after it had been spent: what is earned next pays it. `credit` was redeemed and waits
-- for a fee.
CREATE TABLE points_accounts (
    user_id TEXT NOT NULL PRIMARY KEY REFERENCES users (id),
    balance BIGINT NOT NULL,
    lifetime BIGINT NOT NULL,
    peak BIGINT NOT NULL,
    owed BIGINT NOT NULL,
    credit BIGINT NOT NULL,
    last_number BIGINT NOT NULL,
    CONSTRAINT points_accounts_counted
        CHECK (balance >= 0 AND lifetime >= 0 AND peak >= lifetime AND owed >= 0 AND credit >= 0)
);
CREATE INDEX points_accounts_lifetime ON points_accounts (lifetime);

-- The movements: only ever added to. `number` counts a user's movements. `reference` is what the
-- movement follows from, so that nothing moves points twice; `request_id` the deal, if there is one.
CREATE TABLE points_transactions (
    id TEXT NOT NULL PRIMARY KEY,
    user_id TEXT NOT NULL REFERENCES points_accounts (user_id),
    number BIGINT NOT NULL,
    reason TEXT NOT NULL,
    reference TEXT NOT NULL,
    request_id TEXT,
    amount BIGINT NOT NULL,
    balance_after BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    CONSTRAINT points_transactions_direction CHECK (
        (reason IN ('deal', 'referral') AND amount > 0)
        OR (reason IN ('redeem', 'expiry', 'refund', 'debt') AND amount <= 0)
    ),
    CONSTRAINT points_transactions_never_negative CHECK (balance_after >= 0)
);
CREATE UNIQUE INDEX points_transactions_user_id_number ON points_transactions (user_id, number);
CREATE UNIQUE INDEX points_transactions_user_id_reason_reference
    ON points_transactions (user_id, reason, reference);
CREATE INDEX points_transactions_request_id ON points_transactions (request_id);

-- Redeemed points that lowered a deal's fee, both in minor units of the currency.
CREATE TABLE points_discounts (
    request_id TEXT NOT NULL PRIMARY KEY,
    user_id TEXT NOT NULL REFERENCES points_accounts (user_id),
    points BIGINT NOT NULL,
    discount BIGINT NOT NULL,
    currency TEXT NOT NULL,
    created_at BIGINT NOT NULL
);

CREATE TRIGGER points_transactions_no_update BEFORE UPDATE ON points_transactions
BEGIN
    SELECT RAISE(ABORT, 'movements of points are never changed');
END;
CREATE TRIGGER points_transactions_no_delete BEFORE DELETE ON points_transactions
BEGIN
    SELECT RAISE(ABORT, 'movements of points are never deleted');
END;
