-- `singleton` is set where there is one such chat: `direct:<user>:<user>` (the lower id first),
-- `request:<request>:<seller>`, `support:<user>`. `last_seq` numbers the newest message, and
-- `updated_at` is its time.
CREATE TABLE chats (
    id TEXT NOT NULL PRIMARY KEY,
    type TEXT NOT NULL,
    singleton TEXT,
    title TEXT,
    created_by TEXT NOT NULL REFERENCES users (id),
    owner_id TEXT REFERENCES users (id),
    purchase_request_id TEXT REFERENCES purchase_requests (id),
    last_seq BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    CONSTRAINT chats_type_known CHECK (type IN ('direct', 'group', 'purchase_request', 'support'))
);
CREATE UNIQUE INDEX chats_singleton ON chats (singleton);
CREATE INDEX chats_type_updated_at ON chats (type, updated_at);
CREATE INDEX chats_purchase_request_id ON chats (purchase_request_id);

-- A participant has read the messages up to `read_seq`. Of the chat's messages `sent` are their
-- own, and `read_own` of those are not behind `read_seq`: so what is unread is counted without
-- looking at a message.
CREATE TABLE chat_participants (
    chat_id TEXT NOT NULL REFERENCES chats (id),
    user_id TEXT NOT NULL REFERENCES users (id),
    read_seq BIGINT NOT NULL,
    sent BIGINT NOT NULL,
    read_own BIGINT NOT NULL,
    joined_at BIGINT NOT NULL,
    PRIMARY KEY (chat_id, user_id)
);
CREATE INDEX chat_participants_user_id ON chat_participants (user_id);

-- `seq` numbers a chat's messages 1, 2, 3, … in commit order, and `sender_seq` those of one sender
-- in it. Times never go back along `seq`. `search_text` is the content in lower case;
-- `attachments` is a JSON array. A deleted message has none of these.
CREATE TABLE chat_messages (
    id TEXT NOT NULL PRIMARY KEY,
    chat_id TEXT NOT NULL REFERENCES chats (id),
    seq BIGINT NOT NULL,
    sender_id TEXT NOT NULL REFERENCES users (id),
    sender_seq BIGINT NOT NULL,
    content TEXT NOT NULL,
    search_text TEXT NOT NULL,
    attachments TEXT,
    client_message_id TEXT,
    created_at BIGINT NOT NULL,
    edited_at BIGINT,
    deleted_at BIGINT
);
CREATE UNIQUE INDEX chat_messages_chat_id_seq ON chat_messages (chat_id, seq);
CREATE UNIQUE INDEX chat_messages_chat_id_sender_id_client_message_id
    ON chat_messages (chat_id, sender_id, client_message_id);
CREATE INDEX chat_messages_chat_id_sender_id_seq ON chat_messages (chat_id, sender_id, seq);
CREATE INDEX chat_messages_chat_id_created_at_seq ON chat_messages (chat_id, created_at, seq);
