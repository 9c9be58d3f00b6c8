//! The audit trail: who changed what, when.
//!
//! Each entry's keyed digest covers the one before it and a keyed head names the last one, so that
//! without the vault's key nothing can be changed, inserted, reordered or cut off unseen. It does
//! not show that a whole older copy of the database was put back.

use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension, Transaction, params};
use serde::Serialize;
use subtle::ConstantTimeEq;

use crate::seal::Sealer;
use crate::vault::{from_millis, now_millis};
use crate::{Actor, Vault, VaultError};

/// One act.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct AuditEntry {
    /// Its place in the trail, from 1.
    pub seq: i64,
    /// When it happened.
    pub at: Timestamp,
    /// Who did it, for example `cli` or `client:laptop`.
    pub actor: String,
    /// What was done, for example `account.add`.
    pub action: String,
    /// To what: number and name.
    pub subject: String,
}

/// The trail was tampered with.
#[derive(Debug, thiserror::Error)]
pub enum AuditBroken {
    /// The first entry that does not fit; one past the last if the end was cut off.
    #[error("the audit trail was changed at entry {at}")]
    Changed {
        /// Its place.
        at: u64,
    },
    /// The trail could not be read.
    #[error(transparent)]
    Unreadable(#[from] VaultError),
}

impl Vault {
    /// Entries from `since` on, newest first, at most `limit`.
    pub fn audit(&self, since: Timestamp, limit: u32) -> Result<Vec<AuditEntry>, VaultError> {
        let db = self.read();
        let mut query = db.prepare_cached(
            "SELECT seq, at, actor, action, subject FROM audit WHERE at >= ?1 \
             ORDER BY seq DESC LIMIT ?2",
        )?;
        let entries = query.query_map(params![since.as_millisecond(), limit], |row| {
            Ok(AuditEntry {
                seq: row.get(0)?,
                at: from_millis(row.get(1)?),
                actor: row.get(2)?,
                action: row.get(3)?,
                subject: row.get(4)?,
            })
        })?;
        Ok(entries.collect::<Result<_, _>>()?)
    }

    /// Checks the whole trail and returns how many entries it has.
    pub fn verify_audit(&self) -> Result<u64, AuditBroken> {
        let mut db = self.read();
        // One snapshot: another process may append between the two reads.
        let tx = db.transaction().map_err(VaultError::from)?;
        let last = walk(&tx, self.sealer())?;
        let head = head(&tx)?;
        let intact = match &head {
            None => last.seq == 0,
            Some(stored) => {
                stored.seq == last.seq
                    && bool::from(stored.digest.ct_eq(&head_digest(self.sealer(), &last)))
            }
        };
        let count = u64::try_from(last.seq).unwrap_or(0);
        if intact {
            Ok(count)
        } else {
            Err(AuditBroken::Changed { at: count + 1 })
        }
    }
}

/// The end of the trail, as far as it was walked.
struct Link {
    seq: i64,
    digest: Vec<u8>,
}

/// Adds an entry within the transaction of the act itself.
pub(crate) fn append(
    tx: &Transaction<'_>,
    sealer: &Sealer,
    by: &Actor,
    action: &str,
    subject: &str,
) -> Result<(), VaultError> {
    let last = tx
        .prepare_cached("SELECT seq, digest FROM audit ORDER BY seq DESC LIMIT 1")?
        .query_row([], |row| {
            Ok(Link {
                seq: row.get(0)?,
                digest: row.get(1)?,
            })
        })
        .optional()?;
    let (seq, before) = last.map_or((1, Vec::new()), |last| (last.seq + 1, last.digest));
    let at = now_millis();
    let by = by.to_string();
    let digest = entry_digest(sealer, seq, at, [&by, action, subject], &before);
    tx.execute(
        "INSERT INTO audit (seq, at, actor, action, subject, digest) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
        params![seq, at, by, action, subject, digest],
    )?;
    let link = Link {
        seq,
        digest: digest.to_vec(),
    };
    tx.execute(
        "INSERT INTO audit_head (id, seq, digest) VALUES (1, ?1, ?2) \
         ON CONFLICT DO UPDATE SET seq = excluded.seq, digest = excluded.digest",
        params![seq, head_digest(sealer, &link)],
    )?;
    Ok(())
}

fn walk(db: &Connection, sealer: &Sealer) -> Result<Link, AuditBroken> {
    let mut last = Link {
        seq: 0,
        digest: Vec::new(),
    };
    let mut query = db
        .prepare("SELECT seq, at, actor, action, subject, digest FROM audit ORDER BY seq")
        .map_err(VaultError::from)?;
    let mut rows = query.query([]).map_err(VaultError::from)?;
    while let Some(row) = rows.next().map_err(VaultError::from)? {
        let expected = last.seq + 1;
        let fits = || -> rusqlite::Result<Option<Link>> {
            let (seq, at): (i64, i64) = (row.get(0)?, row.get(1)?);
            let (actor, action, subject): (String, String, String) =
                (row.get(2)?, row.get(3)?, row.get(4)?);
            let digest: Vec<u8> = row.get(5)?;
            let right = entry_digest(sealer, seq, at, [&actor, &action, &subject], &last.digest);
            let fits = seq == expected && bool::from(digest.ct_eq(&right));
            Ok(fits.then_some(Link { seq, digest }))
        };
        match fits() {
            Ok(Some(link)) => last = link,
            _ => {
                return Err(AuditBroken::Changed {
                    at: u64::try_from(expected).unwrap_or(0),
                });
            }
        }
    }
    Ok(last)
}

fn head(db: &Connection) -> Result<Option<Link>, VaultError> {
    let mut query = db.prepare("SELECT seq, digest FROM audit_head WHERE id = 1")?;
    let row = query.query_row([], |row| {
        Ok(Link {
            seq: row.get(0)?,
            digest: row.get(1)?,
        })
    });
    Ok(row.optional()?)
}

fn entry_digest(sealer: &Sealer, seq: i64, at: i64, texts: [&str; 3], before: &[u8]) -> [u8; 32] {
    let mut message = b"entry".to_vec();
    message.extend_from_slice(&seq.to_be_bytes());
    message.extend_from_slice(&at.to_be_bytes());
    for text in texts {
        message.extend_from_slice(&(text.len() as u64).to_be_bytes());
        message.extend_from_slice(text.as_bytes());
    }
    message.extend_from_slice(before);
    sealer.audit_digest(&message)
}

fn head_digest(sealer: &Sealer, last: &Link) -> [u8; 32] {
    let mut message = b"head".to_vec();
    message.extend_from_slice(&last.seq.to_be_bytes());
    message.extend_from_slice(&last.digest);
    sealer.audit_digest(&message)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture::{add, on_disk};

    fn trail(dir: &std::path::Path) -> Vault {
        let vault = on_disk(dir);
        let a = add(&vault, "openai", Some("a"), "sk-canary-canary");
        vault.make_first(a.id, Actor::Tray).unwrap();
        vault
            .create_client_key("laptop", Default::default(), Actor::Client("desk".into()))
            .unwrap();
        vault.revoke_client_key("laptop", Actor::Window).unwrap();
        vault.remove_account(a.id, Actor::Config).unwrap();
        vault
    }

    #[test]
    fn every_change_is_written_down() {
        let dir = tempfile::tempdir().unwrap();
        let vault = trail(dir.path());
        assert_eq!(vault.verify_audit().unwrap(), 5);
        let entries = vault.audit(Timestamp::UNIX_EPOCH, 100).unwrap();
        let told: Vec<_> = entries
            .iter()
            .map(|e| format!("{} {} {} {}", e.seq, e.actor, e.action, e.subject))
            .collect();
        assert_eq!(
            told,
            [
                "5 config account.remove 1 openai/a",
                "4 window key.revoke 1 laptop",
                "3 client:desk key.create 1 laptop",
                "2 tray account.make-first 1 openai/a",
                "1 cli account.add 1 openai/a",
            ]
        );
        assert_eq!(vault.audit(Timestamp::UNIX_EPOCH, 2).unwrap().len(), 2);
        assert!(vault.audit(Timestamp::MAX, 2).unwrap().is_empty());
    }

    #[test]
    fn the_database_itself_refuses_to_change_the_trail() {
        let dir = tempfile::tempdir().unwrap();
        let vault = trail(dir.path());
        for edit in ["UPDATE audit SET actor = 'x'", "DELETE FROM audit"] {
            assert!(vault.read().execute(edit, []).is_err());
        }
    }

    #[test]
    fn a_forger_without_the_key_is_found_out() {
        let forgeries = [
            ("UPDATE audit SET actor = 'tray' WHERE seq = 1", 1),
            ("UPDATE audit SET at = at + 1 WHERE seq = 3", 3),
            ("UPDATE audit SET digest = zeroblob(32) WHERE seq = 2", 2),
            ("DELETE FROM audit WHERE seq = 3", 3),
            // The end cut off, with and without its head, and everything.
            ("DELETE FROM audit WHERE seq = 5", 5),
            (
                "DELETE FROM audit WHERE seq = 5; UPDATE audit_head SET seq = 4",
                5,
            ),
            ("DELETE FROM audit_head", 6),
            ("DELETE FROM audit", 1),
            (
                "INSERT INTO audit SELECT 6, at, actor, action, subject, digest FROM audit \
                 WHERE seq = 5",
                6,
            ),
        ];
        for (forgery, expected) in forgeries {
            let dir = tempfile::tempdir().unwrap();
            let vault = trail(dir.path());
            let db = Connection::open(dir.path().join("vault.db")).unwrap();
            db.execute_batch("DROP TRIGGER audit_is_append_only; DROP TRIGGER audit_is_never_cut")
                .unwrap();
            db.execute_batch(forgery).unwrap();
            let found = vault.verify_audit();
            assert!(
                matches!(found, Err(AuditBroken::Changed { at }) if at == expected),
                "{forgery}: {found:?}"
            );
        }
    }
}
