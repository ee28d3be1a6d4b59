-- How many notifications a user has not read, changed in the transaction that changes one of them;
-- whoever touches a user's notifications locks this row first. `preferences` is a JSON object, NULL
-- where the user never chose.
CREATE TABLE notification_accounts (
    user_id TEXT NOT NULL PRIMARY KEY REFERENCES users (id),
    unread BIGINT NOT NULL,
    last_number BIGINT NOT NULL,
    preferences TEXT,
    CONSTRAINT notification_accounts_unread_counted CHECK (unread >= 0)
);

-- `number` counts a user's notifications in the order in which they were made. `data` is a JSON
-- object of ids.
CREATE TABLE notifications (
    id TEXT NOT NULL PRIMARY KEY,
    user_id TEXT NOT NULL REFERENCES notification_accounts (user_id),
    number BIGINT NOT NULL,
    kind TEXT NOT NULL,
    title TEXT NOT NULL,
    body TEXT NOT NULL,
    data TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    read_at BIGINT
);
CREATE UNIQUE INDEX notifications_user_id_number ON notifications (user_id, number);
CREATE INDEX notifications_user_id ON notifications (user_id) WHERE read_at IS NULL;
CREATE INDEX notifications_created_at ON notifications (created_at);

-- Notifications that are to go out by mail; a row is gone once its mail is.
CREATE TABLE notification_mails (
    id TEXT NOT NULL PRIMARY KEY,
    user_id TEXT NOT NULL REFERENCES notification_accounts (user_id),
    category TEXT NOT NULL,
    title TEXT NOT NULL,
    body TEXT NOT NULL,
    created_at BIGINT NOT NULL
);
CREATE INDEX notification_mails_created_at ON notification_mails (created_at);
