import type { JobChunkStatus, JobStatus } from '@millrace/contracts';
import {
  isAfterPlace,
  isWithin,
  type Listed,
  type ListPage,
  placeColumn,
  placeValues,
} from '../connection/newestFirst';
import type { Sql } from '../connection/sql';

export interface RetryGroupRow {
  id: string;
  request: Record<string, unknown>;
  force: boolean;
  scheduled: number;
  requestedAt: Date;
  /** Who asked, as actorText says it; null for a retry from before migration 0020. */
  requestedBy: string | null;
  /** The user who asked, or null for the command line and for a retry from before migration 0025. */
  userId: string | null;
}

/** Which retry groups a list has. What is left out does not limit it. */
export interface RetryGroupFilter {
  /** Members that the request must have. */
  request?: Record<string, unknown>;
  actor?: string | undefined;
  /** The user and the actor whose retries may be seen. */
  userId?: string | undefined;
  requestedBy?: string | undefined;
  requestedAfter?: Date | undefined;
  requestedBefore?: Date | undefined;
}

/** SQL: the columns of a RetryGroupRow, from retry group `g`. The action of a retry has the same id. */
const columns = `g.id, g.request, g.force, g.scheduled, g.requested_at AS "requestedAt",
  (SELECT a.actor FROM actions a WHERE a.id = g.id) AS "requestedBy", g.user_id AS "userId"`;

/** The retries that operators have requested. */
export class RetryGroups {
  constructor(private readonly sql: Sql) {}

  async insert(group: Pick<RetryGroupRow, 'id' | 'request' | 'force' | 'userId'>): Promise<void> {
    await this.sql.none(
      `INSERT INTO retry_groups (id, request, force, user_id)
       VALUES ($<id>, $<request>::jsonb, $<force>, $<userId>)`,
      { ...group, request: JSON.stringify(group.request) },
    );
  }

  /** Counts chunks that were scheduled under the group. */
  async addScheduled(id: string, count: number): Promise<void> {
    await this.sql.none('UPDATE retry_groups SET scheduled = scheduled + $<count> WHERE id = $<id>', { id, count });
  }

  find(id: string): Promise<RetryGroupRow | null> {
    return this.sql.oneOrNone(`SELECT ${columns} FROM retry_groups g WHERE g.id = $1`, [id]);
  }

  /** Lists the retry groups that fit, the newest first. */
  list(filter: RetryGroupFilter, page: ListPage): Promise<Listed<RetryGroupRow>[]> {
    const {
      request = {},
      actor = null,
      userId = null,
      requestedBy = null,
      requestedAfter = null,
      requestedBefore = null,
    } = filter;
    const named = Object.keys(request).length > 0 ? JSON.stringify(request) : null;
    return this.sql.many(
      `SELECT ${columns}, ${placeColumn('g.requested_at')} FROM retry_groups g
       WHERE ($<named> IS NULL OR g.request @> $<named>::jsonb)
         AND ${actor === null ? 'true' : 'g.id IN (SELECT a.id FROM actions a WHERE a.actor = $<actor>)'}
         AND ${requestedBy === null ? 'true' : 'g.id IN (SELECT a.id FROM actions a WHERE a.actor = $<requestedBy>)'}
         AND ($<userId>::uuid IS NULL OR g.user_id = $<userId>)
         AND ${isWithin('g.requested_at', 'requested')} AND ${isAfterPlace('g.requested_at', 'g.id')}
       ORDER BY g.requested_at DESC, g.id DESC LIMIT $<limit>`,
      { named, actor, userId, requestedBy, requestedAfter, requestedBefore, ...placeValues(page) },
    );
  }

  /**
   * Whether one of the group's chunks waits, is worked on, or failed in a round that is not over, or one of its jobs waits
   * or reads.
   */
  async isUnderWay(id: string): Promise<boolean> {
    const { exists } = await this.sql.one<{ exists: boolean }>(
      `SELECT EXISTS (
         SELECT FROM job_chunks c JOIN jobs j ON j.id = c.job_id
         WHERE c.retry_group_id = $1 AND (c.status IN ('pending', 'processing', 'retry_scheduled')
            OR (c.status = 'failed' AND j.status IN ('processing', 'retrying')))
       ) OR EXISTS (SELECT FROM jobs WHERE retry_group_id = $1 AND status IN ('queued', 'chunking')) AS exists`,
      [id],
    );
    return exists;
  }

  /** How many of the jobs that it made or restarted have each status. Statuses without jobs are left out. */
  async countJobsByStatus(id: string): Promise<Partial<Record<JobStatus, number>>> {
    const rows = await this.sql.many<{ status: JobStatus; count: number }>(
      'SELECT status, count(*)::integer AS count FROM jobs WHERE retry_group_id = $1 GROUP BY status ORDER BY status',
      [id],
    );
    return Object.fromEntries(rows.map((row) => [row.status, row.count]));
  }

  /** How many of the group's chunks have each status. Statuses without chunks are left out. */
  async countByStatus(id: string): Promise<Partial<Record<JobChunkStatus, number>>> {
    const rows = await this.sql.many<{ status: JobChunkStatus; count: number }>(
      'SELECT status, count(*)::integer AS count FROM job_chunks WHERE retry_group_id = $1 GROUP BY status',
      [id],
    );
    return Object.fromEntries(rows.map((row) => [row.status, row.count]));
  }
}
