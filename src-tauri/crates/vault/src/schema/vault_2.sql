-- What an account has beside its key, as a JSON object of strings. The seal of the key covers it.
ALTER TABLE account ADD COLUMN fields TEXT NOT NULL DEFAULT '{}';
