import type { Pool } from './pool';

/** What a server is and how far its log has got. */
export interface Standing {
  /** Whether it replays another server's log. */
  isReplica: boolean;
  database: string;
  /** Of the cluster, the same on the primary and on all of its replicas. */
  system: string;
  /** When this very server was started, in seconds with microseconds: no two that run have the same. */
  started: string;
  /** The branch of the cluster's history; each promotion begins a new one. */
  timeline: number;
  /** Position in the log: written to on a primary, replayed up to on a replica. */
  lsn: bigint;
}

/**
 * Of a replica the timeline is that of its last restart point or of what it has flushed since, so that after a promotion
 * elsewhere it may be said too low for up to `checkpoint_timeout`, never too high.
 */
const question = `
  SELECT pg_is_in_recovery() AS is_replica,
         current_database() AS database,
         (SELECT system_identifier::text FROM pg_control_system()) AS system,
         extract(epoch FROM pg_postmaster_start_time())::text AS started,
         CASE WHEN pg_is_in_recovery()
           THEN greatest((SELECT timeline_id FROM pg_control_checkpoint()),
                         (SELECT min_recovery_end_timeline FROM pg_control_recovery()))
           ELSE ('x' || left(pg_walfile_name(pg_current_wal_lsn()), 8))::bit(32)::integer END AS timeline,
         CASE WHEN pg_is_in_recovery() THEN pg_last_wal_replay_lsn() ELSE pg_current_wal_lsn() END::text AS lsn`;

/** A position in the log such as 16/B374D848, as a number; of nothing, before everything. */
function parseLsn(text: string | null): bigint {
  if (text === null) {
    return -1n;
  }
  const [high = '', low = ''] = text.split('/');
  return (BigInt(`0x${high}`) << 32n) + BigInt(`0x${low}`);
}

/** Asks the server of a pool, whatever role it has there. */
export async function standingOf(pool: Pool): Promise<Standing> {
  type Row = Omit<Standing, 'isReplica' | 'lsn'> & { is_replica: boolean; lsn: string | null };
  const { is_replica, lsn, ...rest } = await pool.run((connection) =>
    connection.run((protocol) => protocol.one<Row>(`${pool.limit}; ${question}`)),
  );
  return { ...rest, isReplica: is_replica, lsn: parseLsn(lsn) };
}

/** True where both are the same running server, whichever roles asked. */
export function isSameServer(one: Standing, other: Standing): boolean {
  return one.system === other.system && one.started === other.started;
}

/** Why what `reader` holds may never be read in place of what `primary` holds, however far it has got; null when it may. */
export function whyUnrelated(primary: Standing, reader: Standing): string | null {
  if (reader.system !== primary.system) {
    return 'it belongs to another cluster';
  }
  if (reader.database !== primary.database) {
    return `its database is ${reader.database}, not ${primary.database}`;
  }
  if (isSameServer(primary, reader)) {
    return null;
  }
  if (!reader.isReplica) {
    return 'it is no replica, nor the primary itself';
  }
  return reader.timeline === primary.timeline
    ? null
    : `it is on timeline ${reader.timeline}, the primary on ${primary.timeline}`;
}
