-- Keys and values of plugins, each plugin in a space of its own.

CREATE TABLE kv_spaces (
    id INTEGER PRIMARY KEY,
    -- The instance in the config.
    name TEXT NOT NULL UNIQUE,
    -- What the entries take of the quota: keys, values, and 64 bytes for each. The triggers below keep it.
    bytes INTEGER NOT NULL DEFAULT 0
) STRICT;

-- The value stands last, so that a look at the rest of a row reads one page.
CREATE TABLE kv (
    id INTEGER PRIMARY KEY,
    space INTEGER NOT NULL REFERENCES kv_spaces (id) ON DELETE CASCADE,
    -- UTF-8, as a blob: ordered by its bytes.
    key BLOB NOT NULL,
    -- Unix time in milliseconds; NULL is never.
    expires_at INTEGER,
    value BLOB NOT NULL,
    UNIQUE (space, key)
) STRICT;

CREATE INDEX kv_expires_at ON kv (expires_at) WHERE expires_at IS NOT NULL;

CREATE TRIGGER kv_inserted AFTER INSERT ON kv BEGIN
    UPDATE kv_spaces SET bytes = bytes + length(NEW.key) + length(NEW.value) + 64 WHERE id = NEW.space;
END;

CREATE TRIGGER kv_updated AFTER UPDATE OF value ON kv BEGIN
    UPDATE kv_spaces SET bytes = bytes - length(OLD.value) + length(NEW.value) WHERE id = NEW.space;
END;

CREATE TRIGGER kv_deleted AFTER DELETE ON kv BEGIN
    UPDATE kv_spaces SET bytes = bytes - length(OLD.key) - length(OLD.value) - 64 WHERE id = OLD.space;
END;
