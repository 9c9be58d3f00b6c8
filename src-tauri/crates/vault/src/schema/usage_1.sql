-- Times are milliseconds since 1970 (UTC); money is USD. `request_id` makes a replayed row a no-op.

CREATE TABLE usage (
    id INTEGER PRIMARY KEY,
    request_id TEXT NOT NULL UNIQUE,
    at INTEGER NOT NULL,
    client_key INTEGER,
    client_name TEXT,
    account INTEGER,
    account_name TEXT,
    provider TEXT,
    model TEXT,
    asked_model TEXT NOT NULL,
    caller_dialect TEXT NOT NULL,
    upstream_dialect TEXT,
    plan TEXT,
    stream INTEGER NOT NULL,
    status INTEGER NOT NULL,
    outcome TEXT NOT NULL,
    input INTEGER,
    cache_read INTEGER,
    cache_write INTEGER,
    output INTEGER,
    reasoning INTEGER,
    cost_usd REAL,
    latency_ms INTEGER NOT NULL,
    ttft_ms INTEGER,
    bytes_in INTEGER NOT NULL,
    bytes_out INTEGER NOT NULL,
    losses INTEGER NOT NULL,
    error TEXT
) STRICT;

CREATE INDEX usage_at ON usage (at);

-- The sums by day (UTC, counted from 1970), written in the same transaction as the rows; 0 and ''
-- stand for "none".
CREATE TABLE usage_day (
    day INTEGER NOT NULL,
    provider TEXT NOT NULL,
    account INTEGER NOT NULL,
    model TEXT NOT NULL,
    client INTEGER NOT NULL,
    account_name TEXT,
    client_name TEXT,
    requests INTEGER NOT NULL,
    failed INTEGER NOT NULL,
    input INTEGER NOT NULL,
    cache_read INTEGER NOT NULL,
    cache_write INTEGER NOT NULL,
    output INTEGER NOT NULL,
    reasoning INTEGER NOT NULL,
    cost_usd REAL NOT NULL,
    unpriced INTEGER NOT NULL,
    latency_ms INTEGER NOT NULL,
    PRIMARY KEY (day, provider, account, model, client)
) STRICT, WITHOUT ROWID;

-- When a client key or an account last did something, and an account's last failure.
CREATE TABLE last_use (
    kind TEXT NOT NULL,
    id INTEGER NOT NULL,
    at INTEGER NOT NULL,
    error_at INTEGER,
    error TEXT,
    PRIMARY KEY (kind, id)
) STRICT, WITHOUT ROWID;
