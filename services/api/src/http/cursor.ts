import { idSchema, MillraceError } from '@millrace/contracts';
import type { ListPlace } from '@millrace/database';

/*
 * A cursor is the place of the last item of a page. The next page begins after it, also when rows were added or removed
 * meanwhile. Clients do not look into it.
 */

function encode(text: string): string {
  return Buffer.from(text).toString('base64url');
}

function decode(cursor: string): string {
  return Buffer.from(cursor, 'base64url').toString('utf8');
}

function notACursor(): MillraceError {
  const message = 'is not a cursor of this list';
  return new MillraceError('REQUEST_INVALID', `cursor: ${message}.`, {
    extra: { errors: [{ path: 'cursor', message }] },
  });
}

/** Gives the position that a cursor continues after; `start` without a cursor. @throws MillraceError REQUEST_INVALID */
export function decodeCursor(cursor: string | undefined, start: number): number {
  if (cursor === undefined) {
    return start;
  }
  const match = /^after:(\d{1,9})$/.exec(decode(cursor));
  if (!match) {
    throw notACursor();
  }
  return Number(match[1]);
}

/** Does the same for a list that begins with the newest row. Null means its beginning. @throws MillraceError REQUEST_INVALID */
export function decodePlace(cursor: string | undefined): ListPlace | null {
  if (cursor === undefined) {
    return null;
  }
  const [, at = '', id = ''] = /^at:(\d{1,16}):([0-9a-f-]{36})$/.exec(decode(cursor)) ?? [];
  if (!idSchema.safeParse(id).success) {
    throw notACursor();
  }
  return { at, id };
}

/** Makes a page of a list that was read with one item more than `limit`. The extra item shows that a next page exists. */
export function toPage<T>(rows: T[], limit: number, positionOf: (row: T) => number) {
  return pageOf(rows, limit, (row) => `after:${positionOf(row)}`);
}

/** Does the same for a list that begins with the newest row. */
export function toPlacedPage<T extends ListPlace>(rows: T[], limit: number) {
  return pageOf(rows, limit, ({ at, id }) => `at:${at}:${id}`);
}

function pageOf<T>(rows: T[], limit: number, textOf: (row: T) => string) {
  const items = rows.slice(0, limit);
  const last = items.at(-1);
  return { items, nextCursor: rows.length > limit && last !== undefined ? encode(textOf(last)) : null };
}
