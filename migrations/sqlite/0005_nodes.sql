-- Nodes that run. One whose count stands still is dead; a negative count says that it has stopped.
CREATE TABLE nodes (
    id TEXT NOT NULL PRIMARY KEY,
    beats BIGINT NOT NULL,
    seen_at BIGINT NOT NULL
);

-- On which nodes a user is: with a socket there, or within the grace after the last one.
CREATE TABLE presence_nodes (
    user_id TEXT NOT NULL,
    node_id TEXT NOT NULL,
    PRIMARY KEY (user_id, node_id)
);
CREATE INDEX presence_nodes_node_id ON presence_nodes (node_id);
