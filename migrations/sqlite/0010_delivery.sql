-- What the seller says about a shipment, and when the goods were received.
CREATE TABLE deliveries (
    request_id TEXT NOT NULL PRIMARY KEY REFERENCES purchase_requests (id),
    status TEXT NOT NULL,
    carrier TEXT,
    tracking_number TEXT,
    delivered_at BIGINT,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL
);

-- The newest delivery code of a request. `hash` is keyed: without the installation's secret the
-- six digits cannot be found by trying them all.
CREATE TABLE delivery_codes (
    request_id TEXT NOT NULL PRIMARY KEY REFERENCES purchase_requests (id),
    hash TEXT NOT NULL,
    wrong_tries BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    used_at BIGINT,
    created_at BIGINT NOT NULL,
    CONSTRAINT delivery_codes_wrong_tries_bounded CHECK (wrong_tries BETWEEN 0 AND 5)
);
