-- Up Migration

CREATE TABLE users (
  id              uuid PRIMARY KEY,
  -- In lower case. It names the user at sign-in.
  email           text NOT NULL UNIQUE CHECK (email = lower(email)),
  name            text NOT NULL DEFAULT '',
  role            text NOT NULL DEFAULT 'member' CHECK (role IN ('member', 'operator', 'admin')),
  status          text NOT NULL DEFAULT 'active' CHECK (status IN ('active', 'disabled')),
  -- argon2id in the PHC string format; null for a user who cannot sign in with a password.
  password_hash   text,
  -- The collection of uploads that name none.
  default_collection_id uuid REFERENCES collections ON DELETE SET NULL,
  created_at      timestamptz NOT NULL DEFAULT now(),
  updated_at      timestamptz NOT NULL DEFAULT now(),
  last_sign_in_at timestamptz
);

-- The first admin owns what was uploaded before there were users.
INSERT INTO users (id, email, name, role, default_collection_id)
VALUES ('00000000-0000-7000-8000-000000000000', 'admin@localhost', 'Administrator', 'admin',
        '00000000-0000-7000-8000-000000000001');
ALTER TABLE collections ADD CONSTRAINT collections_owner_id_fkey FOREIGN KEY (owner_id) REFERENCES users;
CREATE INDEX users_default_collection ON users (default_collection_id);

CREATE TABLE groups (
  id          uuid PRIMARY KEY,
  name        text NOT NULL UNIQUE,
  created_at  timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE group_members (
  group_id    uuid NOT NULL REFERENCES groups ON DELETE CASCADE,
  user_id     uuid NOT NULL REFERENCES users ON DELETE CASCADE,
  PRIMARY KEY (group_id, user_id)
);
CREATE INDEX group_members_user ON group_members (user_id);

-- With whom a collection is shared: with users and with groups.
CREATE TABLE collection_members (
  collection_id uuid NOT NULL REFERENCES collections ON DELETE CASCADE,
  user_id       uuid REFERENCES users ON DELETE CASCADE,
  group_id      uuid REFERENCES groups ON DELETE CASCADE,
  role          text NOT NULL CHECK (role IN ('reader', 'writer', 'manager')),
  created_at    timestamptz NOT NULL DEFAULT now(),
  CONSTRAINT collection_members_one_subject CHECK (num_nonnulls(user_id, group_id) = 1),
  UNIQUE (collection_id, user_id),
  UNIQUE (collection_id, group_id)
);
CREATE INDEX collection_members_user ON collection_members (user_id);
CREATE INDEX collection_members_group ON collection_members (group_id);

CREATE TABLE api_keys (
  id             uuid PRIMARY KEY,
  user_id        uuid NOT NULL REFERENCES users ON DELETE CASCADE,
  name           text NOT NULL,
  -- The first characters of the key, so that people can tell keys apart.
  prefix         text NOT NULL,
  -- SHA-256 of the key, in hexadecimal. The key itself is not stored.
  key_hash       text NOT NULL UNIQUE CHECK (key_hash ~ '^[0-9a-f]{64}$'),
  scopes         text[] NOT NULL CHECK (scopes <@ ARRAY['read', 'write', 'operate', 'account', 'admin']),
  -- The only collections that the key may use; null for all of its user's.
  collection_ids uuid[],
  -- True for the key that the configuration of the API names.
  configured     boolean NOT NULL DEFAULT false,
  expires_at     timestamptz,
  last_used_at   timestamptz,
  revoked_at     timestamptz,
  -- The actor who revoked it; null for a configured key that another one has replaced.
  revoked_by     text,
  created_at     timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX api_keys_user ON api_keys (user_id, created_at, id);

-- Who asked: the user behind the key or the token. A request of a member is shown to that member.
ALTER TABLE retry_groups ADD COLUMN user_id uuid;
CREATE INDEX retry_groups_user ON retry_groups (user_id, requested_at, id) WHERE user_id IS NOT NULL;

-- Down Migration

ALTER TABLE retry_groups DROP COLUMN user_id;

DROP TABLE api_keys;
DROP TABLE collection_members;
DROP TABLE group_members;
DROP TABLE groups;
ALTER TABLE collections DROP CONSTRAINT collections_owner_id_fkey;
DROP TABLE users;
