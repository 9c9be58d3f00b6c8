-- How the account is held: `key`, `tokens`, `followed` (another program's login), `bridge`.
ALTER TABLE account ADD COLUMN kind TEXT NOT NULL DEFAULT 'key';
-- Whose it is, in the provider's own terms. The label (e-mail, login) is for people only.
ALTER TABLE account ADD COLUMN identity TEXT;
ALTER TABLE account ADD COLUMN label TEXT;
ALTER TABLE account ADD COLUMN plan TEXT;
-- The program whose login is followed, and where it keeps it.
ALTER TABLE account ADD COLUMN owner TEXT;
ALTER TABLE account ADD COLUMN source TEXT;
-- Rises with each token set; a renewal counts only for the set that it began with.
ALTER TABLE account ADD COLUMN generation INTEGER NOT NULL DEFAULT 0;
ALTER TABLE account ADD COLUMN expires INTEGER;
ALTER TABLE account ADD COLUMN renewed INTEGER;
-- What is wrong with it, since when, and in the provider's words.
ALTER TABLE account ADD COLUMN condition TEXT NOT NULL DEFAULT 'ready';
ALTER TABLE account ADD COLUMN condition_since INTEGER;
ALTER TABLE account ADD COLUMN condition_words TEXT;

-- One account per identity; a login that byokey made and one that it follows are two.
CREATE UNIQUE INDEX account_identity ON account (provider, identity, ifnull(owner, ''))
WHERE identity IS NOT NULL;

CREATE TABLE notice (
    id TEXT PRIMARY KEY,
    version INTEGER NOT NULL,
    at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- Sign-ins that wait for a person, sealed, so that a restart does not lose them.
CREATE TABLE pending (
    id TEXT PRIMARY KEY,
    provider TEXT NOT NULL,
    expires INTEGER NOT NULL,
    envelope BLOB NOT NULL
) STRICT, WITHOUT ROWID;
