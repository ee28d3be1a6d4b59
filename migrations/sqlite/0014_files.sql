-- The bytes are in the store under `storage_key`, a random name. `state`: `uploading` from before
-- the first byte is kept, `stored` once all are, `removing` until none is.
CREATE TABLE files (
    id TEXT NOT NULL PRIMARY KEY,
    owner_id TEXT NOT NULL REFERENCES users (id),
    name TEXT NOT NULL,
    mime_type TEXT NOT NULL,
    size BIGINT NOT NULL,
    width BIGINT,
    height BIGINT,
    storage_key TEXT NOT NULL,
    state TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    CONSTRAINT files_state_known CHECK (state IN ('uploading', 'stored', 'removing')),
    CONSTRAINT files_size_whole CHECK ((width IS NULL) = (height IS NULL))
);
CREATE UNIQUE INDEX files_storage_key ON files (storage_key);
CREATE INDEX files_owner_id ON files (owner_id);
CREATE INDEX files_state_created_at ON files (state, created_at);

-- What files are used for. `target_id` is the message, the user or the dispute; `scope_id` is who
-- may see it by that: the participants of the chat, everyone, the parties of the request.
CREATE TABLE file_uses (
    file_id TEXT NOT NULL REFERENCES files (id),
    kind TEXT NOT NULL,
    target_id TEXT NOT NULL,
    scope_id TEXT NOT NULL,
    PRIMARY KEY (file_id, kind, target_id),
    CONSTRAINT file_uses_kind_known CHECK (kind IN ('message', 'avatar', 'evidence'))
);
CREATE INDEX file_uses_kind_target_id ON file_uses (kind, target_id);
