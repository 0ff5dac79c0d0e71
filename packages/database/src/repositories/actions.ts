import { type ActionKind, type Actor, actorText } from '@millrace/contracts';
import {
  isAfterPlace,
  isOneOf,
  isWithin,
  type Listed,
  type ListPage,
  newestInEach,
  placeColumn,
  placeValues,
} from '../connection/newestFirst';
import type { Sql } from '../connection/sql';

/** What someone asked for. The document and the job may be gone. */
export interface ActionRow {
  id: string;
  kind: ActionKind;
  actor: string;
  requestedAt: Date;
  collectionId: string | null;
  documentId: string | null;
  filename: string | null;
  jobId: string | null;
  /** The user that it is about. */
  userId: string | null;
  /** The address of the client and the id of its request; null for what did not come through the API. */
  address: string | null;
  requestId: string | null;
  details: Record<string, unknown> | null;
}

export interface NewAction {
  id: string;
  kind: ActionKind;
  actor: Actor;
  /** The job that the request names. Its document is recorded with it. */
  jobId?: string;
  /** The document that the request names. */
  documentId?: string;
  /** The collection that the request names, if it names no document or job. */
  collectionId?: string;
  /** The user that it is about. */
  userId?: string;
  /** What else there is to know. Never a secret. */
  details?: Record<string, unknown>;
}

/** Which actions a list has. What is left out does not limit it. */
export interface ActionFilter {
  kinds?: readonly string[] | undefined;
  actor?: string | undefined;
  collectionIds?: readonly string[] | undefined;
  documentId?: string | undefined;
  jobId?: string | undefined;
  userId?: string | undefined;
  requestedAfter?: Date | undefined;
  requestedBefore?: Date | undefined;
}

/** Who asked for which change, and who signed in: the audit log. */
export class Actions {
  constructor(private readonly sql: Sql) {}

  /** Records an action. Runs in the transaction that does what was asked for, before a document is deleted. */
  async record({ id, kind, actor, jobId, documentId, collectionId, userId, details }: NewAction): Promise<void> {
    await this.sql.none(
      `INSERT INTO actions (id, kind, actor, address, request_id, details, user_id, job_id, document_id, collection_id,
         filename)
       SELECT $<id>, $<kind>, $<actor>, $<address>, $<requestId>, $<details>::jsonb, $<userId>, $<jobId>, d.id,
         coalesce(d.collection_id, $<collectionId>::uuid), d.filename
       FROM (SELECT) AS asked LEFT JOIN documents d
         ON d.id = coalesce($<documentId>::uuid, (SELECT j.document_id FROM jobs j WHERE j.id = $<jobId>))`,
      {
        id,
        kind,
        actor: actorText(actor),
        address: actor.address ?? null,
        requestId: actor.requestId ?? null,
        details: details === undefined ? null : JSON.stringify(details),
        userId: userId ?? null,
        jobId: jobId ?? null,
        documentId: documentId ?? null,
        collectionId: collectionId ?? null,
      },
    );
  }

  /** Lists the actions that fit, the newest first. */
  list(filter: ActionFilter, page: ListPage): Promise<Listed<ActionRow>[]> {
    const { kinds = null, actor = null, collectionIds, documentId = null, jobId = null, userId = null } = filter;
    const { requestedAfter = null, requestedBefore = null } = filter;
    const fits = (isInScope: string) => `${isInScope}
         AND ${isOneOf('kind', 'kinds')} AND ($<actor> IS NULL OR actor = $<actor>)
         AND ($<documentId> IS NULL OR document_id = $<documentId>) AND ($<jobId> IS NULL OR job_id = $<jobId>)
         AND ($<userId> IS NULL OR user_id = $<userId>)
         AND ${isWithin('requested_at', 'requested')} AND ${isAfterPlace('requested_at', 'id')}`;
    const isListed =
      collectionIds === undefined
        ? fits('true')
        : `id = ANY(ARRAY(${newestInEach({ table: 'actions', time: 'requested_at' }, fits)}))`;
    return this.sql.many(
      `SELECT id, kind, actor, requested_at AS "requestedAt", collection_id AS "collectionId",
         document_id AS "documentId", filename, job_id AS "jobId", user_id AS "userId", address, request_id AS "requestId", details,
         ${placeColumn('requested_at')}
       FROM actions WHERE ${isListed}
       ORDER BY requested_at DESC, id DESC LIMIT $<limit>`,
      { kinds, actor, collectionIds, documentId, jobId, userId, requestedAfter, requestedBefore, ...placeValues(page) },
    );
  }
}
