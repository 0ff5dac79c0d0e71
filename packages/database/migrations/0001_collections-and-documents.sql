-- Up Migration

CREATE TABLE collections (
  id          uuid PRIMARY KEY,
  owner_id    uuid NOT NULL,
  name        text NOT NULL,
  description text NOT NULL DEFAULT '',
  metadata    jsonb NOT NULL DEFAULT '{}',
  created_at  timestamptz NOT NULL DEFAULT now(),
  updated_at  timestamptz NOT NULL DEFAULT now(),
  UNIQUE (owner_id, name)
);

-- The collection for uploads that name none. Its id is a constant of the database package.
INSERT INTO collections (id, owner_id, name, description)
VALUES ('00000000-0000-7000-8000-000000000001', '00000000-0000-7000-8000-000000000000', 'default',
        'Documents uploaded without a collection');

CREATE TABLE documents (
  id            uuid PRIMARY KEY,
  collection_id uuid NOT NULL REFERENCES collections ON DELETE CASCADE,
  owner_id      uuid NOT NULL,
  external_id   text,
  filename      text NOT NULL,
  -- Key of the original in the blob store; null once the original has been removed.
  source_path   text,
  content_hash  text NOT NULL CHECK (content_hash ~ '^[0-9a-f]{64}$'),
  mime_type     text NOT NULL,
  size_bytes    bigint NOT NULL CHECK (size_bytes > 0),
  title         text,
  page_count    integer,
  total_chunks  integer,
  metadata      jsonb NOT NULL DEFAULT '{}',
  status        text NOT NULL DEFAULT 'queued'
                CHECK (status IN ('queued', 'processing', 'ready', 'partial', 'failed', 'cancelled', 'deleting')),
  error_code    text,
  error         text,
  version       integer NOT NULL DEFAULT 1,
  created_at    timestamptz NOT NULL DEFAULT now(),
  updated_at    timestamptz NOT NULL DEFAULT now(),
  UNIQUE (collection_id, content_hash)
);
CREATE INDEX documents_content_hash ON documents (content_hash);
CREATE INDEX documents_created_at ON documents (created_at);

CREATE TABLE document_pages (
  document_id uuid NOT NULL REFERENCES documents ON DELETE CASCADE,
  page        integer NOT NULL CHECK (page >= 1),
  width       real NOT NULL,
  height      real NOT NULL,
  outcome     text NOT NULL CHECK (outcome IN ('text', 'empty', 'failed')),
  characters  integer NOT NULL,
  error_code  text,
  PRIMARY KEY (document_id, page)
);

-- Down Migration

DROP TABLE document_pages;
DROP TABLE documents;
DROP TABLE collections;
