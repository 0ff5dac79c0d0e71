import type { WaitingRow } from '@millrace/database';

/** Rows that are compared with the queues in one round trip. */
const rowsPerPage = 1_000;
/** A sweep ends after this many pages, or earlier after this many pages without a lost delivery. */
const pagesPerSweep = 20;
const completePagesPerSweep = 10;

/** Smaller than every UUIDv7. A sweep in the order of ids begins here. */
export const firstId = '00000000-0000-0000-0000-000000000000';

export interface WaitingPage {
  after: string;
  limit: number;
}

export interface LostDeliveriesOptions {
  list: (page: WaitingPage) => Promise<WaitingRow[]>;
  /** Finds the rows whose delivery will never come. */
  findLost: (rows: readonly WaitingRow[]) => Promise<WaitingRow[]>;
  redeliver: (lost: readonly WaitingRow[]) => Promise<void>;
}

/**
 * Makes a sweep that pages through the rows that wait for a delivery and delivers the lost ones again. Each sweep continues
 * where the last one ended. After the last row it begins again.
 */
export function lostDeliveries({ list, findLost, redeliver }: LostDeliveriesOptions): () => Promise<number> {
  let after = firstId;
  return async () => {
    let redelivered = 0;
    let completePages = 0;
    for (let page = 0; page < pagesPerSweep && completePages < completePagesPerSweep; page += 1) {
      const rows = await list({ after, limit: rowsPerPage });
      const lost = rows.length > 0 ? await findLost(rows) : [];
      if (lost.length > 0) {
        await redeliver(lost);
        redelivered += lost.length;
      } else {
        completePages += 1;
      }
      const last = rows.length === rowsPerPage ? rows.at(-1)?.id : undefined;
      after = last ?? firstId;
      if (last === undefined) {
        break;
      }
    }
    return redelivered;
  };
}
