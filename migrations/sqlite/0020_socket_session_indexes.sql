-- Most rows are of sockets that are there. Those that are not are looked for by time, those that
-- are by node: so a row is in one index at a time, and a new one is added at the end of its own.
DROP INDEX socket_sessions_left_at;
DROP INDEX socket_sessions_owner;
CREATE INDEX socket_sessions_gone ON socket_sessions (left_at) WHERE left_at IS NOT NULL;
CREATE INDEX socket_sessions_here ON socket_sessions (owner) WHERE left_at IS NULL;
