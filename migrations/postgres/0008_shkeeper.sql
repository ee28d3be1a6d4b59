-- The invoice of a payment at the SHKeeper gateway. `state` is `asking` from before it is asked for
-- until its answer is stored, `none` where the gateway refused, `open` from then on. `expected` is
-- the amount of coins that is the price, as it was first told; later answers do not change it.
CREATE TABLE shkeeper_invoices (
    payment_id TEXT NOT NULL PRIMARY KEY REFERENCES payments (id),
    external_id TEXT NOT NULL,
    coin TEXT NOT NULL,
    state TEXT NOT NULL,
    asked_at BIGINT NOT NULL,
    address TEXT,
    expected TEXT,
    rate TEXT,
    opened_at BIGINT,
    CONSTRAINT shkeeper_invoices_open_is_whole
        CHECK (state <> 'open' OR (address IS NOT NULL AND expected IS NOT NULL))
);
CREATE UNIQUE INDEX shkeeper_invoices_external_id ON shkeeper_invoices (external_id);

-- What the gateway told of transfers to an invoice. `credited` is what of the price it is, in minor
-- units: for ever once it is confirmed, until then as far as is known.
CREATE TABLE shkeeper_transfers (
    payment_id TEXT NOT NULL REFERENCES shkeeper_invoices (payment_id),
    coin TEXT NOT NULL,
    txid TEXT NOT NULL,
    amount TEXT NOT NULL,
    credited BIGINT NOT NULL,
    confirmed BOOLEAN NOT NULL,
    seen_at BIGINT NOT NULL,
    PRIMARY KEY (payment_id, coin, txid)
);

-- Callbacks as they came, each text once. `flag` says what is odd about one.
CREATE TABLE shkeeper_callbacks (
    endpoint TEXT NOT NULL,
    digest TEXT NOT NULL,
    external_id TEXT,
    body TEXT NOT NULL,
    proof TEXT NOT NULL,
    flag TEXT,
    received_at BIGINT NOT NULL,
    PRIMARY KEY (endpoint, digest)
);
CREATE INDEX shkeeper_callbacks_received_at ON shkeeper_callbacks (received_at);

-- What the gateway was told to send: written before each try, which has an external id of its own.
CREATE TABLE shkeeper_payouts (
    external_id TEXT NOT NULL PRIMARY KEY,
    payout_id TEXT NOT NULL,
    coin TEXT NOT NULL,
    amount TEXT NOT NULL,
    address TEXT NOT NULL,
    created_at BIGINT NOT NULL
);
CREATE INDEX shkeeper_payouts_payout_id ON shkeeper_payouts (payout_id);
