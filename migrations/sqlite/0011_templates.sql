-- Prices are in minor units of the currency. `used` counts the uses of checkouts that were not
-- given back; it never passes `max_usage`.
CREATE TABLE request_templates (
    id TEXT NOT NULL PRIMARY KEY,
    seller_id TEXT NOT NULL REFERENCES users (id),
    title TEXT NOT NULL,
    description TEXT NOT NULL,
    category_id TEXT REFERENCES categories (id),
    product_type TEXT NOT NULL,
    price BIGINT NOT NULL,
    currency TEXT NOT NULL,
    delivery_amount BIGINT NOT NULL,
    delivery_unit TEXT NOT NULL,
    max_usage BIGINT,
    used BIGINT NOT NULL,
    expires_at BIGINT,
    share_link TEXT NOT NULL,
    deleted_at BIGINT,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    CONSTRAINT request_templates_used_bounded
        CHECK (used >= 0 AND (max_usage IS NULL OR used <= max_usage))
);
CREATE UNIQUE INDEX request_templates_share_link ON request_templates (share_link);
CREATE INDEX request_templates_seller_id_created_at ON request_templates (seller_id, created_at);

CREATE TABLE template_checkouts (
    id TEXT NOT NULL PRIMARY KEY,
    buyer_id TEXT NOT NULL REFERENCES users (id),
    status TEXT NOT NULL,
    total BIGINT NOT NULL,
    currency TEXT NOT NULL,
    payment_id TEXT,
    reason TEXT,
    expires_at BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL
);
CREATE INDEX template_checkouts_buyer_id_created_at ON template_checkouts (buyer_id, created_at);

-- The requests of a checkout, one for each seller.
CREATE TABLE template_checkout_requests (
    request_id TEXT NOT NULL PRIMARY KEY REFERENCES purchase_requests (id),
    checkout_id TEXT NOT NULL REFERENCES template_checkouts (id),
    seller_id TEXT NOT NULL REFERENCES users (id),
    offer_id TEXT NOT NULL REFERENCES offers (id),
    amount BIGINT NOT NULL
);
CREATE UNIQUE INDEX template_checkout_requests_checkout_id_seller_id
    ON template_checkout_requests (checkout_id, seller_id);

-- What was taken, at the price of that moment.
CREATE TABLE template_checkout_items (
    checkout_id TEXT NOT NULL REFERENCES template_checkouts (id),
    template_id TEXT NOT NULL REFERENCES request_templates (id),
    request_id TEXT NOT NULL REFERENCES purchase_requests (id),
    title TEXT NOT NULL,
    quantity BIGINT NOT NULL,
    price BIGINT NOT NULL,
    PRIMARY KEY (checkout_id, template_id)
);
CREATE INDEX template_checkout_items_template_id ON template_checkout_items (template_id);
