-- Times are milliseconds since 1970 (UTC); money is USD.

CREATE TABLE install (
    id TEXT PRIMARY KEY
) STRICT;

CREATE TABLE sealing (
    key_id INTEGER PRIMARY KEY,
    home TEXT NOT NULL,
    -- Of a passphrase: how it is stretched (JSON), and the data key sealed by the result.
    stretch TEXT,
    wrapped BLOB,
    -- A known value sealed by the data key: tells a wrong key before anything is lost.
    proof BLOB NOT NULL,
    -- How often the key has sealed; AES-GCM allows 2^32.
    seals INTEGER NOT NULL DEFAULT 0
) STRICT;

CREATE TABLE account (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    provider TEXT NOT NULL,
    name TEXT NOT NULL,
    route TEXT NOT NULL,
    base_origin TEXT,
    enabled INTEGER NOT NULL DEFAULT 1,
    priority INTEGER NOT NULL,
    limited INTEGER NOT NULL DEFAULT 0,
    key_hint TEXT NOT NULL,
    created INTEGER NOT NULL,
    UNIQUE (provider, name)
) STRICT;

CREATE TABLE secret (
    account INTEGER NOT NULL REFERENCES account (id) ON DELETE CASCADE,
    field TEXT NOT NULL,
    envelope BLOB NOT NULL,
    PRIMARY KEY (account, field)
) STRICT, WITHOUT ROWID;

CREATE TABLE client_key (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    name TEXT NOT NULL,
    hint TEXT NOT NULL,
    digest BLOB NOT NULL UNIQUE,
    models TEXT NOT NULL,
    rpm INTEGER,
    budget_usd REAL,
    expires INTEGER,
    created INTEGER NOT NULL,
    revoked INTEGER
) STRICT;

-- A revoked key keeps its row, for the usage that names it, and frees its name.
CREATE UNIQUE INDEX client_key_name ON client_key (name) WHERE revoked IS NULL;

CREATE TABLE audit (
    seq INTEGER PRIMARY KEY,
    at INTEGER NOT NULL,
    actor TEXT NOT NULL,
    action TEXT NOT NULL,
    subject TEXT NOT NULL,
    digest BLOB NOT NULL
) STRICT;

CREATE TABLE audit_head (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    seq INTEGER NOT NULL,
    digest BLOB NOT NULL
) STRICT;

CREATE TRIGGER audit_is_append_only BEFORE UPDATE ON audit
BEGIN SELECT RAISE(ABORT, 'the audit trail is append-only'); END;

CREATE TRIGGER audit_is_never_cut BEFORE DELETE ON audit
BEGIN SELECT RAISE(ABORT, 'the audit trail is append-only'); END;
