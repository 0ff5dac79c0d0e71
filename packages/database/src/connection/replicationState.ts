import type { Pool } from './pool';

/** Which server answers on a connection, and how far its log (WAL) has come. */
export interface ReplicationState {
  /** True while the server replays another server's log. */
  isReplica: boolean;
  database: string;
  /** The system identifier of the cluster. The primary and all of its replicas have the same one. */
  system: string;
  /** When the server was started, in seconds with microseconds. It tells running servers of one cluster apart. */
  started: string;
  /** The branch of the cluster's history. Each promotion begins a new one. */
  timeline: number;
  /** The position in the log: written by a primary, or replayed by a replica. */
  lsn: bigint;
}

/**
 * A replica's timeline is that of its last restart point, or of the log that it has flushed since. After a promotion
 * elsewhere it may therefore be too low for up to `checkpoint_timeout`. It is never too high.
 */
const query = `
  SELECT pg_is_in_recovery() AS "isReplica",
         current_database() AS database,
         (SELECT system_identifier::text FROM pg_control_system()) AS system,
         extract(epoch FROM pg_postmaster_start_time())::text AS started,
         CASE WHEN pg_is_in_recovery()
           THEN greatest((SELECT timeline_id FROM pg_control_checkpoint()),
                         (SELECT min_recovery_end_timeline FROM pg_control_recovery()))
           ELSE ('x' || left(pg_walfile_name(pg_current_wal_lsn()), 8))::bit(32)::integer END AS timeline,
         CASE WHEN pg_is_in_recovery() THEN pg_last_wal_replay_lsn() ELSE pg_current_wal_lsn() END::text AS lsn`;

/** Converts a log position such as 16/B374D848 to a number. Null, of a server that has replayed nothing, becomes -1. */
function parseLsn(text: string | null): bigint {
  if (text === null) {
    return -1n;
  }
  const [high = '', low = ''] = text.split('/');
  return (BigInt(`0x${high}`) << 32n) + BigInt(`0x${low}`);
}

/** Reads the state of the server behind a pool. */
export async function readReplicationState(pool: Pool): Promise<ReplicationState> {
  type Row = Omit<ReplicationState, 'lsn'> & { lsn: string | null };
  const row = await pool.run((connection) =>
    connection.run((client) => client.one<Row>(`${pool.statementLimit}; ${query}`)),
  );
  return { ...row, lsn: parseLsn(row.lsn) };
}

/** True when both states are of the same running server, whichever roles asked. */
export function isSameServer(one: ReplicationState, other: ReplicationState): boolean {
  return one.system === other.system && one.started === other.started;
}

/** Returns why `reader` can never be read in place of `primary`, however far it has come, or null when it can. */
export function findMismatch(primary: ReplicationState, reader: ReplicationState): string | null {
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
    return 'it is neither a replica nor the primary itself';
  }
  return reader.timeline === primary.timeline
    ? null
    : `it is on timeline ${reader.timeline}, the primary on ${primary.timeline}`;
}
