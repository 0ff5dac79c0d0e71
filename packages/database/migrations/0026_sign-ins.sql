-- Up Migration

-- The user that an act is about, who may be gone.
ALTER TABLE actions ADD COLUMN user_id uuid;
CREATE INDEX actions_user ON actions (user_id, requested_at, id) WHERE user_id IS NOT NULL;

CREATE INDEX users_created_at ON users (created_at, id);
CREATE INDEX groups_created_at ON groups (created_at, id);

-- Sign-ins of programs, which get tokens. An access token names its sign-in, and so ends with it.
CREATE TABLE sign_ins (
  id          uuid PRIMARY KEY,
  user_id     uuid NOT NULL REFERENCES users ON DELETE CASCADE,
  created_at  timestamptz NOT NULL DEFAULT now(),
  -- Each refresh moves it forward.
  expires_at  timestamptz NOT NULL,
  -- The sign-out, a change of the password, or the second use of a refresh token.
  ended_at    timestamptz
);
CREATE INDEX sign_ins_user ON sign_ins (user_id);
CREATE INDEX sign_ins_expires_at ON sign_ins (expires_at);

-- Every refresh token of a sign-in. Used ones stay until the sign-in expires, so that a second use is noticed.
CREATE TABLE refresh_tokens (
  -- SHA-256 of the token, in hexadecimal. The token itself is not stored.
  token_hash  text PRIMARY KEY CHECK (token_hash ~ '^[0-9a-f]{64}$'),
  sign_in_id  uuid NOT NULL REFERENCES sign_ins ON DELETE CASCADE,
  used_at     timestamptz
);
CREATE INDEX refresh_tokens_sign_in ON refresh_tokens (sign_in_id);

-- The keys that sign access tokens.
CREATE TABLE signing_keys (
  id              text PRIMARY KEY,
  -- The private JWK. Its public part is published.
  private_key     jsonb NOT NULL,
  created_at      timestamptz NOT NULL DEFAULT now(),
  -- Until when tokens of a key that no longer signs are accepted; null for the key that signs.
  verifies_until  timestamptz
);
-- One key signs at a time.
CREATE UNIQUE INDEX signing_keys_current ON signing_keys ((true)) WHERE verifies_until IS NULL;

-- Users as an outside OpenID provider names them.
CREATE TABLE user_identities (
  issuer      text NOT NULL,
  subject     text NOT NULL,
  user_id     uuid NOT NULL REFERENCES users ON DELETE CASCADE,
  created_at  timestamptz NOT NULL DEFAULT now(),
  -- When the newest token was issued whose claims the user has taken over. An older one changes nothing.
  claims_at   timestamptz,
  PRIMARY KEY (issuer, subject)
);
CREATE INDEX user_identities_user ON user_identities (user_id);

-- Down Migration

DROP TABLE user_identities;
DROP TABLE signing_keys;
DROP TABLE refresh_tokens;
DROP TABLE sign_ins;
DROP INDEX groups_created_at;
DROP INDEX users_created_at;
ALTER TABLE actions DROP COLUMN user_id;
