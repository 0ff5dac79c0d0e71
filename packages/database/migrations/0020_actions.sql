-- Up Migration

-- Who asked for which retry, cancellation or deletion. A row outlives what it names, so it has no foreign key. The action of a
-- retry has the id of its retry group.
CREATE TABLE actions (
  id              uuid PRIMARY KEY,
  kind            text NOT NULL CHECK (kind IN ('retry', 'cancel', 'delete', 'cancel_re_embedding')),
  -- The actor's kind, and perhaps its id: actorText of the contracts package.
  actor           text NOT NULL,
  requested_at    timestamptz NOT NULL DEFAULT now(),
  collection_id   uuid,
  document_id     uuid,
  -- Of the document, which may be gone.
  filename        text,
  job_id          uuid
);
CREATE INDEX actions_requested_at ON actions (requested_at, id);
CREATE INDEX actions_document ON actions (document_id, requested_at, id) WHERE document_id IS NOT NULL;
CREATE INDEX actions_job ON actions (job_id, requested_at, id) WHERE job_id IS NOT NULL;
CREATE INDEX actions_actor ON actions (actor, requested_at, id);

-- Down Migration

DROP TABLE actions;
