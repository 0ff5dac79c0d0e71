import type { WaitingRow } from '@millrace/database';

/** Rows compared with the queue in one round trip; how many of those one sweep makes, and of them where nothing is lost. */
const rowsPerPage = 1_000;
const pagesPerSweep = 20;
const soundPagesPerSweep = 10;

/** Smaller than every UUIDv7: where a walk over rows by id begins. */
export const firstId = '00000000-0000-0000-0000-000000000000';

export interface WaitingPlace {
  after: string;
  limit: number;
}

export interface LostDeliveriesOptions {
  list: (place: WaitingPlace) => Promise<WaitingRow[]>;
  /** Those whose delivery will never come. */
  findLost: (rows: readonly WaitingRow[]) => Promise<WaitingRow[]>;
  redeliver: (lost: readonly WaitingRow[]) => Promise<void>;
}

/**
 * Walks over the rows that wait for a delivery, a page after the other, and makes those anew that the queue does not
 * have. Where one sweep ends the next goes on; after the last row it begins again.
 */
export function lostDeliveries({ list, findLost, redeliver }: LostDeliveriesOptions): () => Promise<number> {
  let after = firstId;
  return async () => {
    let mended = 0;
    let sound = 0;
    for (let page = 0; page < pagesPerSweep && sound < soundPagesPerSweep; page += 1) {
      const rows = await list({ after, limit: rowsPerPage });
      const lost = rows.length > 0 ? await findLost(rows) : [];
      if (lost.length > 0) {
        await redeliver(lost);
        mended += lost.length;
      } else {
        sound += 1;
      }
      const last = rows.length === rowsPerPage ? rows.at(-1)?.id : undefined;
      after = last ?? firstId;
      if (last === undefined) {
        break;
      }
    }
    return mended;
  };
}
