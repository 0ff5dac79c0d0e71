import type { ErrorCode } from '@millrace/contracts';
import type { Sql } from '../connection/sql';

export interface ProviderPause {
  /** How much longer work with the model waits, in milliseconds; 0 when the pause is over but no call has succeeded. */
  remainingMs: number;
  /** How long no call has succeeded, in milliseconds. */
  failingForMs: number;
}

export interface NewPause {
  model: string;
  /** At least this long, in milliseconds. */
  atLeastMs: number;
  /** Without a success in between, each pause is twice as long as the one before, from this up to `longestMs`. */
  firstMs: number;
  longestMs: number;
  code: ErrorCode;
  message: string;
}

/** Until when all workers leave the provider of a model alone. */
export class ProviderPauses {
  constructor(private readonly sql: Sql) {}

  /** The model's pause, or null when its last call succeeded. */
  find(model: string): Promise<ProviderPause | null> {
    return this.sql.oneOrNone(`SELECT ${columns} FROM provider_pauses WHERE model = $1`, [model]);
  }

  /**
   * Makes a pause, or prolongs the one there is. Workers that find the same fault at the same time make one pause of
   * it.
   */
  begin(pause: NewPause): Promise<ProviderPause> {
    return this.sql.one(
      `INSERT INTO provider_pauses (model, paused_until, error_code, error)
       VALUES ($<model>, now() + greatest($<atLeastMs>, $<firstMs>) * interval '1 millisecond', $<code>, $<message>)
       ON CONFLICT (model) DO UPDATE SET
         paused_until = CASE WHEN ${isOn}
           THEN greatest(provider_pauses.paused_until, now() + $<atLeastMs> * interval '1 millisecond')
           ELSE now() + interval '1 millisecond'
                  * greatest($<atLeastMs>, least($<firstMs> * 2 ^ ${doublings}, $<longestMs>))
           END,
         pauses = CASE WHEN ${isForgotten} THEN 1 ELSE provider_pauses.pauses + (NOT ${isOn})::integer END,
         since = CASE WHEN ${isForgotten} THEN now() ELSE provider_pauses.since END,
         error_code = excluded.error_code, error = excluded.error
       RETURNING ${columns}`,
      pause,
    );
  }

  /** A call has succeeded. A pause that began while that call was under way goes on. */
  async end(model: string): Promise<void> {
    await this.sql.none(`DELETE FROM provider_pauses WHERE model = $1 AND NOT ${isOn}`, [model]);
  }
}

// Nothing asks for more than an hour: a deadline further away was written by a clock that was wrong, and is over.
const isOn = `provider_pauses.paused_until BETWEEN now() AND now() + interval '1 hour'`;

const columns = `CASE WHEN ${isOn} THEN extract(epoch FROM paused_until - now())::float8 * 1000 ELSE 0 END AS "remainingMs",
  extract(epoch FROM now() - since)::float8 * 1000 AS "failingForMs"`;

// Nobody has asked for ten minutes after it ended (the work was cancelled, say), so nothing is known of that time.
const isForgotten = `NOT provider_pauses.paused_until BETWEEN now() - interval '10 minutes' AND now() + interval '1 hour'`;

const doublings = `CASE WHEN ${isForgotten} THEN 0 ELSE least(provider_pauses.pauses, 20) END`;
