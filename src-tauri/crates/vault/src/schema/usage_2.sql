-- What media requests are billed by, where the reply says it.
ALTER TABLE usage ADD COLUMN characters INTEGER;
ALTER TABLE usage ADD COLUMN audio_ms INTEGER;
ALTER TABLE usage ADD COLUMN images INTEGER;
-- What a translation lost, as `path=action; …`.
ALTER TABLE usage ADD COLUMN lost TEXT;
