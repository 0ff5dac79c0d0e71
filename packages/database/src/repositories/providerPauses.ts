import type { ErrorCode } from '@millrace/contracts';
import type { Sql } from '../connection/sql';

export interface ProviderPause {
  /** How much longer work with the model waits, in milliseconds; 0 when the pause is over but no call has succeeded since. */
  remainingMs: number;
  /** How long no call has succeeded, in milliseconds. */
  failingForMs: number;
}

export interface NewPause {
  model: string;
  /** The shortest length of the pause, in milliseconds. */
  atLeastMs: number;
  /** Without a success in between, each pause is twice as long as the one before, from this up to `longestMs`. */
  firstMs: number;
  longestMs: number;
  code: ErrorCode;
  message: string;
}

/** The provider pauses: until when no worker calls the provider of a model. */
export class ProviderPauses {
  constructor(private readonly sql: Sql) {}

  /** The model's pause, or null when its last call succeeded. */
  find(model: string): Promise<ProviderPause | null> {
    return this.sql.oneOrNone(`SELECT ${columns} FROM provider_pauses WHERE model = $1`, [model]);
  }

  /**
   * Begins a pause, or prolongs the current one. Workers that meet the same fault at the same time make one pause.
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

  /** Ends the pause after a call has succeeded. A pause that began during that call goes on. */
  async end(model: string): Promise<void> {
    await this.sql.none(`DELETE FROM provider_pauses WHERE model = $1 AND NOT ${isOn}`, [model]);
  }
}

// No pause is longer than an hour. A later deadline was written by a wrong clock and counts as over.
const isOn = `provider_pauses.paused_until BETWEEN now() AND now() + interval '1 hour'`;

const columns = `CASE WHEN ${isOn} THEN extract(epoch FROM paused_until - now())::float8 * 1000 ELSE 0 END AS "remainingMs",
  extract(epoch FROM now() - since)::float8 * 1000 AS "failingForMs"`;

// No call was made for ten minutes after its end, for example because the work was cancelled. So it counts as forgotten.
const isForgotten = `NOT provider_pauses.paused_until BETWEEN now() - interval '10 minutes' AND now() + interval '1 hour'`;

const doublings = `CASE WHEN ${isForgotten} THEN 0 ELSE least(provider_pauses.pauses, 20) END`;
