-- What the parties of a completed deal say about each other, once each.
CREATE TABLE reviews (
    id TEXT NOT NULL PRIMARY KEY,
    request_id TEXT NOT NULL REFERENCES purchase_requests (id),
    author_id TEXT NOT NULL REFERENCES users (id),
    subject_id TEXT NOT NULL REFERENCES users (id),
    rating BIGINT NOT NULL,
    comment TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    CONSTRAINT reviews_rating_in_range CHECK (rating BETWEEN 1 AND 5),
    CONSTRAINT reviews_of_another CHECK (author_id <> subject_id)
);
CREATE UNIQUE INDEX reviews_request_id_author_id ON reviews (request_id, author_id);
CREATE INDEX reviews_subject_id_created_at ON reviews (subject_id, created_at);

-- The sum of a user's reviews, changed with each of them.
CREATE TABLE ratings (
    user_id TEXT NOT NULL PRIMARY KEY REFERENCES users (id),
    reviews BIGINT NOT NULL,
    stars BIGINT NOT NULL
);
