-- A payment into escrow. Amounts are in minor units of the currency: `received` is what is
-- confirmed in the right asset, `seen` what is confirmed or not yet, `excess_refunded` what was
-- given back of what came beside the amount. `announced`: the buyer was told how to pay.
CREATE TABLE payments (
    id TEXT NOT NULL PRIMARY KEY,
    buyer_id TEXT NOT NULL REFERENCES users (id),
    provider TEXT NOT NULL,
    checkout_id TEXT,
    currency TEXT NOT NULL,
    amount BIGINT NOT NULL,
    status TEXT NOT NULL,
    escrow_state TEXT NOT NULL,
    exception TEXT,
    received BIGINT NOT NULL,
    seen BIGINT NOT NULL,
    excess_refunded BIGINT NOT NULL,
    announced BOOLEAN NOT NULL,
    tx_hash TEXT,
    failure_reason TEXT,
    expires_at BIGINT,
    confirmed_at BIGINT,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    CONSTRAINT payments_amount_positive CHECK (amount > 0),
    CONSTRAINT payments_excess_within CHECK (excess_refunded >= 0 AND excess_refunded <= received)
);
CREATE INDEX payments_buyer_id_created_at ON payments (buyer_id, created_at);
CREATE INDEX payments_status_created_at ON payments (status, created_at);
CREATE INDEX payments_checkout_id ON payments (checkout_id);

-- What a payment pays: one request, or each of a checkout. `standing` until the payment is dead.
-- When the escrow is divided, `to_seller` (the fee in it) and `to_buyer` say how; `returned` is what
-- of the latter is back with the buyer.
CREATE TABLE payment_shares (
    payment_id TEXT NOT NULL REFERENCES payments (id),
    request_id TEXT NOT NULL REFERENCES purchase_requests (id),
    seller_id TEXT NOT NULL REFERENCES users (id),
    offer_id TEXT REFERENCES offers (id),
    amount BIGINT NOT NULL,
    fee BIGINT NOT NULL,
    escrow_state TEXT NOT NULL,
    standing BOOLEAN NOT NULL,
    to_seller BIGINT NOT NULL,
    to_buyer BIGINT NOT NULL,
    returned BIGINT NOT NULL,
    refund_tx_hash TEXT,
    PRIMARY KEY (payment_id, request_id),
    CONSTRAINT payment_shares_fee_within CHECK (fee >= 0 AND fee <= amount),
    CONSTRAINT payment_shares_divided
        CHECK (to_seller >= 0 AND to_buyer >= 0 AND to_seller + to_buyer IN (0, amount)
               AND returned >= 0 AND returned <= to_buyer)
);
-- A request has one payment that is not dead.
CREATE UNIQUE INDEX payment_shares_request_id ON payment_shares (request_id) WHERE standing;
CREATE INDEX payment_shares_seller_id_payment_id ON payment_shares (seller_id, payment_id);
CREATE INDEX payment_shares_escrow_state_seller_id ON payment_shares (escrow_state, seller_id);

-- Money that a rail saw. A reference is of one payment only. `bookings` counts how often it was
-- entered into the ledger: more than once where a chain took it away and brought it again.
CREATE TABLE payment_transfers (
    provider TEXT NOT NULL,
    reference TEXT NOT NULL,
    payment_id TEXT NOT NULL REFERENCES payments (id),
    amount BIGINT NOT NULL,
    asset_matches BOOLEAN NOT NULL,
    confirmed BOOLEAN NOT NULL,
    late BOOLEAN NOT NULL,
    retracted BOOLEAN NOT NULL,
    bookings BIGINT NOT NULL,
    tx_hash TEXT,
    seen_at BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (provider, reference),
    CONSTRAINT payment_transfers_amount_known CHECK (amount >= 0)
);
CREATE INDEX payment_transfers_payment_id ON payment_transfers (payment_id);

-- Money on its way to a seller: one payout at most for each share of a payment. `attempt` counts
-- how often it was handed to the gateway; more than once only after a certain failure.
CREATE TABLE payouts (
    id TEXT NOT NULL PRIMARY KEY,
    payment_id TEXT NOT NULL,
    request_id TEXT NOT NULL,
    seller_id TEXT NOT NULL REFERENCES users (id),
    provider TEXT NOT NULL,
    currency TEXT NOT NULL,
    amount BIGINT NOT NULL,
    crypto TEXT NOT NULL,
    address TEXT NOT NULL,
    status TEXT NOT NULL,
    attempt BIGINT NOT NULL,
    task_id TEXT,
    tx_hash TEXT,
    reason TEXT,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    completed_at BIGINT,
    CONSTRAINT payouts_amount_positive CHECK (amount > 0)
);
CREATE UNIQUE INDEX payouts_payment_id_request_id ON payouts (payment_id, request_id);
CREATE INDEX payouts_seller_id_created_at ON payouts (seller_id, created_at);
CREATE INDEX payouts_status_created_at ON payouts (status, created_at);
CREATE INDEX payouts_task_id ON payouts (task_id);

-- The ledger: every entry takes an amount from one account and puts it into another one of the
-- same currency, so the sum over all accounts of a currency is zero by the form of the rows.
CREATE TABLE ledger_accounts (
    id TEXT NOT NULL PRIMARY KEY,
    kind TEXT NOT NULL,
    owner TEXT NOT NULL,
    currency TEXT NOT NULL,
    created_at BIGINT NOT NULL
);
CREATE UNIQUE INDEX ledger_accounts_kind_owner_currency ON ledger_accounts (kind, owner, currency);

CREATE TABLE ledger_transfers (
    id TEXT NOT NULL PRIMARY KEY,
    kind TEXT NOT NULL,
    reference TEXT NOT NULL,
    currency TEXT NOT NULL,
    created_at BIGINT NOT NULL
);
CREATE UNIQUE INDEX ledger_transfers_kind_reference ON ledger_transfers (kind, reference);

CREATE TABLE ledger_entries (
    transfer_id TEXT NOT NULL REFERENCES ledger_transfers (id),
    line BIGINT NOT NULL,
    from_account TEXT NOT NULL REFERENCES ledger_accounts (id),
    to_account TEXT NOT NULL REFERENCES ledger_accounts (id),
    amount BIGINT NOT NULL,
    PRIMARY KEY (transfer_id, line),
    CONSTRAINT ledger_entries_amount_positive CHECK (amount > 0),
    CONSTRAINT ledger_entries_two_accounts CHECK (from_account <> to_account)
);
CREATE INDEX ledger_entries_from_account ON ledger_entries (from_account);
CREATE INDEX ledger_entries_to_account ON ledger_entries (to_account);

-- What is booked stays.
CREATE FUNCTION ledger_is_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'the ledger is append-only';
END
$$;
CREATE TRIGGER ledger_accounts_no_update BEFORE UPDATE ON ledger_accounts
    FOR EACH ROW EXECUTE FUNCTION ledger_is_append_only();
CREATE TRIGGER ledger_accounts_no_delete BEFORE DELETE ON ledger_accounts
    FOR EACH ROW EXECUTE FUNCTION ledger_is_append_only();
CREATE TRIGGER ledger_accounts_no_truncate BEFORE TRUNCATE ON ledger_accounts
    FOR EACH STATEMENT EXECUTE FUNCTION ledger_is_append_only();
CREATE TRIGGER ledger_transfers_no_update BEFORE UPDATE ON ledger_transfers
    FOR EACH ROW EXECUTE FUNCTION ledger_is_append_only();
CREATE TRIGGER ledger_transfers_no_delete BEFORE DELETE ON ledger_transfers
    FOR EACH ROW EXECUTE FUNCTION ledger_is_append_only();
CREATE TRIGGER ledger_transfers_no_truncate BEFORE TRUNCATE ON ledger_transfers
    FOR EACH STATEMENT EXECUTE FUNCTION ledger_is_append_only();
CREATE TRIGGER ledger_entries_no_update BEFORE UPDATE ON ledger_entries
    FOR EACH ROW EXECUTE FUNCTION ledger_is_append_only();
CREATE TRIGGER ledger_entries_no_delete BEFORE DELETE ON ledger_entries
    FOR EACH ROW EXECUTE FUNCTION ledger_is_append_only();
CREATE TRIGGER ledger_entries_no_truncate BEFORE TRUNCATE ON ledger_entries
    FOR EACH STATEMENT EXECUTE FUNCTION ledger_is_append_only();
