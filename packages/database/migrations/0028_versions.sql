-- Up Migration

-- A document that its uploader named has versions: one row each, with the same collection and external_id.
ALTER TABLE documents
  ADD COLUMN external_id text CHECK (char_length(external_id) BETWEEN 1 AND 512),
  -- The order in which the versions of a name are to answer. One that is brought back gets the next number.
  ADD COLUMN version integer NOT NULL DEFAULT 1 CHECK (version > 0),
  -- The version that searches and lists see. A document without a name is always current.
  ADD COLUMN is_current boolean NOT NULL DEFAULT true CHECK (is_current OR external_id IS NOT NULL);

ALTER TABLE documents DROP CONSTRAINT documents_collection_id_content_hash_key;
-- One document for each content, among those without a name.
CREATE UNIQUE INDEX documents_content ON documents (collection_id, content_hash) WHERE external_id IS NULL;
-- The name comes first, because a list may look for it in several collections.
CREATE UNIQUE INDEX documents_version ON documents (external_id, collection_id, version) WHERE external_id IS NOT NULL;
CREATE UNIQUE INDEX documents_current ON documents (external_id, collection_id)
  WHERE is_current AND external_id IS NOT NULL;
-- Every search asks for the few documents that it must not see.
CREATE INDEX documents_hidden ON documents (id) WHERE NOT is_current;

-- Requests to upload that clients may repeat, and what they were answered.
CREATE TABLE idempotency_keys (
  user_id      uuid NOT NULL REFERENCES users ON DELETE CASCADE,
  key          text NOT NULL CHECK (key ~ '^[ -~]{1,255}$'),
  -- SHA-256 of what was asked for.
  fingerprint  text NOT NULL,
  -- Names the request that is being answered.
  token        uuid NOT NULL,
  -- While there is no answer: after this moment the request counts as lost, and another one may take its place.
  held_until   timestamptz NOT NULL,
  -- {status, headers, body}; null while the request is being answered.
  answer       jsonb,
  created_at   timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (user_id, key)
);
CREATE INDEX idempotency_keys_created_at ON idempotency_keys (created_at);

-- Down Migration

DROP TABLE idempotency_keys;

-- Without names a collection has one document for each content: the current versions stay, and of equal ones the oldest.
DELETE FROM documents WHERE NOT is_current;
DELETE FROM documents d USING documents o
  WHERE o.collection_id = d.collection_id AND o.content_hash = d.content_hash AND o.id < d.id;
DROP INDEX documents_content;
ALTER TABLE documents ADD CONSTRAINT documents_collection_id_content_hash_key UNIQUE (collection_id, content_hash);
ALTER TABLE documents DROP COLUMN external_id, DROP COLUMN version, DROP COLUMN is_current;
