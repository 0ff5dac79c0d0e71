import type { ApiKeys } from '@millrace/database';
import type { Principal } from './principal';

/** The database keeps the last use of a key to the minute. */
const noteEveryMs = 60_000;
const mostKnown = 1_000;

/** Notes when keys are used. A key that was noted a moment ago costs no statement: requests follow each other quickly. */
export class KeyUses {
  private readonly noted = new Map<string, number>();

  /** @param now returns the time in milliseconds. */
  constructor(
    private readonly keys: Pick<ApiKeys, 'noteUse'>,
    private readonly now: () => number = Date.now,
  ) {}

  /** Notes the use. A request need not wait for it, and it never fails. */
  async note({ kind, id }: Principal): Promise<void> {
    const time = this.now();
    if (kind !== 'api-key' || time - (this.noted.get(id) ?? Number.NEGATIVE_INFINITY) < noteEveryMs) {
      return;
    }
    this.noted.delete(id);
    this.noted.set(id, time);
    const [oldest] = this.noted.keys();
    if (this.noted.size > mostKnown && oldest !== undefined) {
      this.noted.delete(oldest);
    }
    await this.keys.noteUse(id).catch(() => this.noted.delete(id));
  }
}
