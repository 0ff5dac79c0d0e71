import { MillraceError } from '@millrace/contracts';

/** Makes the cursor that continues a list after the item at this position. Clients do not look into it. */
function encodeCursor(position: number): string {
  return Buffer.from(`after:${position}`).toString('base64url');
}

/** Gives the position that a cursor continues after; `start` without a cursor. @throws MillraceError REQUEST_INVALID */
export function decodeCursor(cursor: string | undefined, start: number): number {
  if (cursor === undefined) {
    return start;
  }
  const match = /^after:(\d{1,9})$/.exec(Buffer.from(cursor, 'base64url').toString('utf8'));
  if (!match) {
    const message = 'is not a cursor of this API';
    throw new MillraceError('REQUEST_INVALID', `cursor: ${message}.`, {
      extra: { errors: [{ path: 'cursor', message }] },
    });
  }
  return Number(match[1]);
}

/** Makes a page of a list that was read with one item more than `limit`. The extra item shows that a next page exists. */
export function toPage<T>(rows: T[], limit: number, positionOf: (row: T) => number) {
  const items = rows.slice(0, limit);
  const last = items.at(-1);
  return { items, nextCursor: rows.length > limit && last !== undefined ? encodeCursor(positionOf(last)) : null };
}
