-- Where events are sent to. `position` is the place in the journal up to which deliveries were made;
-- `events` a JSON array of names, NULL for all. `failures` counts the tries since the last success.
CREATE TABLE webhook_endpoints (
    id TEXT NOT NULL PRIMARY KEY,
    url TEXT NOT NULL,
    secret TEXT NOT NULL,
    events TEXT,
    description TEXT NOT NULL,
    active BOOLEAN NOT NULL,
    position BIGINT NOT NULL,
    failures BIGINT NOT NULL,
    next_try_at BIGINT NOT NULL,
    created_by TEXT NOT NULL REFERENCES users (id),
    created_at BIGINT NOT NULL
);

-- One event for one endpoint. `body` is what is signed and sent, byte by byte.
CREATE TABLE webhook_deliveries (
    id TEXT NOT NULL PRIMARY KEY,
    endpoint_id TEXT NOT NULL REFERENCES webhook_endpoints (id) ON DELETE CASCADE,
    position BIGINT NOT NULL,
    message_id TEXT NOT NULL,
    event TEXT NOT NULL,
    body TEXT NOT NULL,
    status TEXT NOT NULL,
    attempts BIGINT NOT NULL,
    response_status BIGINT,
    error TEXT,
    created_at BIGINT NOT NULL,
    finished_at BIGINT,
    CONSTRAINT webhook_deliveries_status_known CHECK (status IN ('pending', 'delivered', 'dead'))
);
CREATE UNIQUE INDEX webhook_deliveries_endpoint_id_position
    ON webhook_deliveries (endpoint_id, position);
CREATE INDEX webhook_deliveries_endpoint_id_status_position
    ON webhook_deliveries (endpoint_id, status, position);
CREATE INDEX webhook_deliveries_finished_at ON webhook_deliveries (finished_at);
