-- The tree of categories, with the set that every installation starts with.
CREATE TABLE categories (
    id TEXT NOT NULL PRIMARY KEY,
    parent_id TEXT REFERENCES categories (id),
    name TEXT NOT NULL,
    slug TEXT NOT NULL,
    position BIGINT NOT NULL
);
CREATE UNIQUE INDEX categories_slug ON categories (slug);
CREATE INDEX categories_parent_id ON categories (parent_id);

-- Budgets are in minor units of the currency. `search_text` is title and description in lower case.
-- `preferred_seller_ids` is a JSON array in the buyer's order, NULL where the request is public;
-- request_invitations holds the same sellers for look-ups. Neither ever changes.
CREATE TABLE purchase_requests (
    id TEXT NOT NULL PRIMARY KEY,
    buyer_id TEXT NOT NULL REFERENCES users (id),
    title TEXT NOT NULL,
    description TEXT NOT NULL,
    search_text TEXT NOT NULL,
    category_id TEXT REFERENCES categories (id),
    product_type TEXT NOT NULL,
    quantity BIGINT NOT NULL,
    budget_min BIGINT NOT NULL,
    budget_max BIGINT NOT NULL,
    currency TEXT NOT NULL,
    urgency TEXT NOT NULL,
    status TEXT NOT NULL,
    preferred_seller_ids TEXT,
    delivery_info TEXT,
    offers_until BIGINT,
    selected_offer_id TEXT REFERENCES offers (id),
    cancel_reason TEXT,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    CONSTRAINT purchase_requests_open_or_selected
        CHECK (selected_offer_id IS NULL OR status NOT IN ('active', 'received_offers'))
);
CREATE INDEX purchase_requests_buyer_id_created_at ON purchase_requests (buyer_id, created_at);
CREATE INDEX purchase_requests_status_created_at ON purchase_requests (status, created_at);

CREATE TABLE request_invitations (
    request_id TEXT NOT NULL REFERENCES purchase_requests (id),
    seller_id TEXT NOT NULL REFERENCES users (id),
    PRIMARY KEY (request_id, seller_id)
);
CREATE INDEX request_invitations_seller_id ON request_invitations (seller_id);

-- Prices are in minor units of the currency. `reason` says why an offer ended, where it is known.
CREATE TABLE offers (
    id TEXT NOT NULL PRIMARY KEY,
    request_id TEXT NOT NULL REFERENCES purchase_requests (id),
    seller_id TEXT NOT NULL REFERENCES users (id),
    price BIGINT NOT NULL,
    currency TEXT NOT NULL,
    delivery_amount BIGINT NOT NULL,
    delivery_unit TEXT NOT NULL,
    message TEXT NOT NULL,
    status TEXT NOT NULL,
    reason TEXT,
    valid_until BIGINT,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL
);
-- One live offer for each seller and request, and one accepted offer for each request.
CREATE UNIQUE INDEX offers_request_id_seller_id ON offers (request_id, seller_id)
    WHERE status IN ('pending', 'accepted');
CREATE UNIQUE INDEX offers_request_id ON offers (request_id) WHERE status = 'accepted';
CREATE INDEX offers_request_id_created_at ON offers (request_id, created_at);
CREATE INDEX offers_seller_id_created_at ON offers (seller_id, created_at);

INSERT INTO categories (id, parent_id, name, slug, position) VALUES
    ('01934e5a-0000-7000-8000-000000ca7001', NULL, 'Electronics', 'electronics', 0),
    ('01934e5a-0000-7000-8000-000000ca7002', '01934e5a-0000-7000-8000-000000ca7001', 'Phones', 'electronics/phones', 0),
    ('01934e5a-0000-7000-8000-000000ca7003', '01934e5a-0000-7000-8000-000000ca7001', 'Computers', 'electronics/computers', 1),
    ('01934e5a-0000-7000-8000-000000ca7004', '01934e5a-0000-7000-8000-000000ca7001', 'Audio', 'electronics/audio', 2),
    ('01934e5a-0000-7000-8000-000000ca7005', '01934e5a-0000-7000-8000-000000ca7001', 'Cameras', 'electronics/cameras', 3),
    ('01934e5a-0000-7000-8000-000000ca7006', '01934e5a-0000-7000-8000-000000ca7001', 'Components', 'electronics/components', 4),
    ('01934e5a-0000-7000-8000-000000ca7007', NULL, 'Home and garden', 'home-and-garden', 1),
    ('01934e5a-0000-7000-8000-000000ca7008', '01934e5a-0000-7000-8000-000000ca7007', 'Furniture', 'home-and-garden/furniture', 0),
    ('01934e5a-0000-7000-8000-000000ca7009', '01934e5a-0000-7000-8000-000000ca7007', 'Appliances', 'home-and-garden/appliances', 1),
    ('01934e5a-0000-7000-8000-000000ca700a', '01934e5a-0000-7000-8000-000000ca7007', 'Tools', 'home-and-garden/tools', 2),
    ('01934e5a-0000-7000-8000-000000ca700b', '01934e5a-0000-7000-8000-000000ca7007', 'Decoration', 'home-and-garden/decoration', 3),
    ('01934e5a-0000-7000-8000-000000ca700c', NULL, 'Fashion', 'fashion', 2),
    ('01934e5a-0000-7000-8000-000000ca700d', '01934e5a-0000-7000-8000-000000ca700c', 'Clothing', 'fashion/clothing', 0),
    ('01934e5a-0000-7000-8000-000000ca700e', '01934e5a-0000-7000-8000-000000ca700c', 'Shoes', 'fashion/shoes', 1),
    ('01934e5a-0000-7000-8000-000000ca700f', '01934e5a-0000-7000-8000-000000ca700c', 'Bags', 'fashion/bags', 2),
    ('01934e5a-0000-7000-8000-000000ca7010', '01934e5a-0000-7000-8000-000000ca700c', 'Jewellery', 'fashion/jewellery', 3),
    ('01934e5a-0000-7000-8000-000000ca7011', NULL, 'Vehicles and parts', 'vehicles-and-parts', 3),
    ('01934e5a-0000-7000-8000-000000ca7012', '01934e5a-0000-7000-8000-000000ca7011', 'Cars', 'vehicles-and-parts/cars', 0),
    ('01934e5a-0000-7000-8000-000000ca7013', '01934e5a-0000-7000-8000-000000ca7011', 'Motorcycles', 'vehicles-and-parts/motorcycles', 1),
    ('01934e5a-0000-7000-8000-000000ca7014', '01934e5a-0000-7000-8000-000000ca7011', 'Bicycles', 'vehicles-and-parts/bicycles', 2),
    ('01934e5a-0000-7000-8000-000000ca7015', '01934e5a-0000-7000-8000-000000ca7011', 'Spare parts', 'vehicles-and-parts/spare-parts', 3),
    ('01934e5a-0000-7000-8000-000000ca7016', NULL, 'Sport and leisure', 'sport-and-leisure', 4),
    ('01934e5a-0000-7000-8000-000000ca7017', '01934e5a-0000-7000-8000-000000ca7016', 'Fitness', 'sport-and-leisure/fitness', 0),
    ('01934e5a-0000-7000-8000-000000ca7018', '01934e5a-0000-7000-8000-000000ca7016', 'Outdoor', 'sport-and-leisure/outdoor', 1),
    ('01934e5a-0000-7000-8000-000000ca7019', '01934e5a-0000-7000-8000-000000ca7016', 'Toys and games', 'sport-and-leisure/toys-and-games', 2),
    ('01934e5a-0000-7000-8000-000000ca701a', '01934e5a-0000-7000-8000-000000ca7016', 'Musical instruments', 'sport-and-leisure/musical-instruments', 3),
    ('01934e5a-0000-7000-8000-000000ca701b', NULL, 'Health and beauty', 'health-and-beauty', 5),
    ('01934e5a-0000-7000-8000-000000ca701c', NULL, 'Books and media', 'books-and-media', 6),
    ('01934e5a-0000-7000-8000-000000ca701d', NULL, 'Digital goods', 'digital-goods', 7),
    ('01934e5a-0000-7000-8000-000000ca701e', '01934e5a-0000-7000-8000-000000ca701d', 'Software', 'digital-goods/software', 0),
    ('01934e5a-0000-7000-8000-000000ca701f', '01934e5a-0000-7000-8000-000000ca701d', 'Game items', 'digital-goods/game-items', 1),
    ('01934e5a-0000-7000-8000-000000ca7020', '01934e5a-0000-7000-8000-000000ca701d', 'Gift cards', 'digital-goods/gift-cards', 2),
    ('01934e5a-0000-7000-8000-000000ca7021', '01934e5a-0000-7000-8000-000000ca701d', 'Design assets', 'digital-goods/design-assets', 3),
    ('01934e5a-0000-7000-8000-000000ca7022', NULL, 'Services', 'services', 8),
    ('01934e5a-0000-7000-8000-000000ca7023', '01934e5a-0000-7000-8000-000000ca7022', 'Programming', 'services/programming', 0),
    ('01934e5a-0000-7000-8000-000000ca7024', '01934e5a-0000-7000-8000-000000ca7022', 'Design', 'services/design', 1),
    ('01934e5a-0000-7000-8000-000000ca7025', '01934e5a-0000-7000-8000-000000ca7022', 'Writing and translation', 'services/writing-and-translation', 2),
    ('01934e5a-0000-7000-8000-000000ca7026', '01934e5a-0000-7000-8000-000000ca7022', 'Marketing', 'services/marketing', 3),
    ('01934e5a-0000-7000-8000-000000ca7027', '01934e5a-0000-7000-8000-000000ca7022', 'Repairs', 'services/repairs', 4),
    ('01934e5a-0000-7000-8000-000000ca7028', NULL, 'Other', 'other', 9);
