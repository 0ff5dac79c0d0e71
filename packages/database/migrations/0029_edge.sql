-- Up Migration

-- Each part of the program records acts of its own kinds, so the kinds are listed in the program and not here.
ALTER TABLE actions DROP CONSTRAINT actions_kind_check;
ALTER TABLE actions ADD CONSTRAINT actions_kind_check CHECK (kind ~ '^[a-z][a-z_]*$');
ALTER TABLE actions
  -- Of the client, and of its request; null for what did not come through the API.
  ADD COLUMN address text,
  ADD COLUMN request_id text,
  -- What else there is to know. Never a secret.
  ADD COLUMN details jsonb;
-- Members list what was done in their collections.
CREATE INDEX actions_collection ON actions (collection_id, requested_at, id) WHERE collection_id IS NOT NULL;

-- Browsers that have signed in.
CREATE TABLE sessions (
  id          uuid PRIMARY KEY,
  -- SHA-256 of the token in the cookie, in hexadecimal. The token itself is not stored.
  token_hash  text NOT NULL UNIQUE CHECK (token_hash ~ '^[0-9a-f]{64}$'),
  user_id     uuid NOT NULL REFERENCES users ON DELETE CASCADE,
  -- The key that was signed in with, whose limits hold; null after a password.
  key_id      uuid REFERENCES api_keys ON DELETE CASCADE,
  created_at  timestamptz NOT NULL DEFAULT now(),
  expires_at  timestamptz NOT NULL
);
CREATE INDEX sessions_user ON sessions (user_id);
CREATE INDEX sessions_key ON sessions (key_id);
CREATE INDEX sessions_expires_at ON sessions (expires_at);

-- Down Migration

DROP TABLE sessions;

DROP INDEX actions_collection;
ALTER TABLE actions DROP COLUMN address, DROP COLUMN request_id, DROP COLUMN details;
ALTER TABLE actions DROP CONSTRAINT actions_kind_check;
-- Rows of later kinds stay.
ALTER TABLE actions ADD CONSTRAINT actions_kind_check
  CHECK (kind IN ('retry', 'cancel', 'delete', 'cancel_re_embedding')) NOT VALID;
