import { MillraceError } from '@millrace/contracts';

/** Makes the opaque cursor that continues a list after the item at this position. */
export function encodeCursor(position: number): string {
  return Buffer.from(`after:${position}`).toString('base64url');
}

/** The position a cursor continues after; `start` where there is none. @throws MillraceError REQUEST_INVALID */
export function decodeCursor(cursor: string | undefined, start: number): number {
  if (cursor === undefined) {
    return start;
  }
  const match = /^after:(\d{1,9})$/.exec(Buffer.from(cursor, 'base64url').toString('utf8'));
  if (!match) {
    throw new MillraceError('REQUEST_INVALID', 'cursor: is not one that this API has given', {
      extra: { errors: [{ path: 'cursor', message: 'is not one that this API has given' }] },
    });
  }
  return Number(match[1]);
}

/** Cuts a list read with one item more than `limit` to size, with the cursor of the next page where there is one. */
export function toPage<T>(rows: T[], limit: number, positionOf: (row: T) => number) {
  const items = rows.slice(0, limit);
  const last = items.at(-1);
  return { items, nextCursor: rows.length > limit && last !== undefined ? encodeCursor(positionOf(last)) : null };
}
