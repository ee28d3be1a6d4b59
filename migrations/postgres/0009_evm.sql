-- How a payment is to be made from a wallet. `contract` is NULL for the chain's own coin, `amount`
-- is in the token's smallest units, as decimal digits: it may have more of them than a BIGINT
-- holds. `block_number` is the chain's height when this was told.
CREATE TABLE evm_intents (
    payment_id TEXT NOT NULL PRIMARY KEY REFERENCES payments (id),
    chain_id BIGINT NOT NULL,
    symbol TEXT NOT NULL,
    contract TEXT,
    decimals BIGINT NOT NULL,
    currency TEXT NOT NULL,
    amount TEXT NOT NULL,
    payee TEXT NOT NULL,
    payer TEXT NOT NULL,
    proven_at BIGINT,
    block_number BIGINT NOT NULL,
    created_at BIGINT NOT NULL
);

-- Transactions that were submitted, for a payment or for a payout (`kind`, `subject_id`). `version`
-- counts the changes: a look at the chain takes effect only if nobody else's did meanwhile.
-- `gone_since`: since when it is in no block as it should be.
CREATE TABLE evm_submissions (
    id TEXT NOT NULL PRIMARY KEY,
    kind TEXT NOT NULL,
    subject_id TEXT NOT NULL,
    payment_id TEXT NOT NULL REFERENCES evm_intents (payment_id),
    tx_hash TEXT NOT NULL,
    standing TEXT NOT NULL,
    reason TEXT,
    block_number BIGINT,
    block_hash TEXT,
    depth BIGINT NOT NULL,
    gone_since BIGINT,
    version BIGINT NOT NULL,
    submitted_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL
);
CREATE UNIQUE INDEX evm_submissions_kind_subject_id_tx_hash
    ON evm_submissions (kind, subject_id, tx_hash);
CREATE INDEX evm_submissions_payment_id ON evm_submissions (payment_id);

-- What of a transaction counts for which submission, once and for ever. `log_index` is the log's
-- place within its transaction, -1 for the chain's own coin.
CREATE TABLE evm_claims (
    chain_id BIGINT NOT NULL,
    tx_hash TEXT NOT NULL,
    log_index BIGINT NOT NULL,
    submission_id TEXT NOT NULL REFERENCES evm_submissions (id),
    amount TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (chain_id, tx_hash, log_index)
);
CREATE INDEX evm_claims_submission_id ON evm_claims (submission_id);
