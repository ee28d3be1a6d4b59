-- Amounts are in minor units of the deal's currency.
CREATE TABLE disputes (
    id TEXT NOT NULL PRIMARY KEY,
    request_id TEXT NOT NULL REFERENCES purchase_requests (id),
    opened_by TEXT NOT NULL REFERENCES users (id),
    category TEXT NOT NULL,
    description TEXT NOT NULL,
    status TEXT NOT NULL,
    outcome TEXT,
    to_seller BIGINT,
    note TEXT,
    resolved_by TEXT REFERENCES users (id),
    resolved_at BIGINT,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    CONSTRAINT disputes_resolved_whole CHECK (
        (status = 'resolved') = (outcome IS NOT NULL)
        AND (status = 'resolved') = (resolved_by IS NOT NULL)
        AND (status = 'resolved') = (resolved_at IS NOT NULL))
);
-- One open dispute for each deal.
CREATE UNIQUE INDEX disputes_request_id ON disputes (request_id) WHERE status = 'open';
CREATE INDEX disputes_request_id_created_at ON disputes (request_id, created_at);
CREATE INDEX disputes_status_created_at ON disputes (status, created_at);

CREATE TABLE dispute_evidence (
    id TEXT NOT NULL PRIMARY KEY,
    dispute_id TEXT NOT NULL REFERENCES disputes (id),
    author_id TEXT NOT NULL REFERENCES users (id),
    text TEXT NOT NULL,
    attachment_ids TEXT NOT NULL,
    created_at BIGINT NOT NULL
);
CREATE INDEX dispute_evidence_dispute_id_created_at ON dispute_evidence (dispute_id, created_at);
