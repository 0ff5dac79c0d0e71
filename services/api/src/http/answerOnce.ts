import { MillraceError, newId, sha256Hex } from '@millrace/contracts';
import type { Database, Session, StoredAnswer } from '@millrace/database';
import { z } from 'zod';

/*
 * The header Idempotency-Key. A client that got no answer repeats its request with the same key, and the request is done once.
 * The answer is stored in the transaction that does what was asked for, so no crash can leave one without the other. A
 * request that fails leaves nothing, and may be repeated with its key.
 */

export const idempotencyKey = z
  .string()
  .regex(/^[ -~]{1,255}$/, 'must have 1 to 255 printable ASCII characters')
  .meta({
    description:
      'Any text of your own that is new for each upload, such as a UUID. The same upload with the same key is done once: ' +
      'for 24 hours it gets the same answer, with the header Idempotency-Replayed.',
    examples: ['5f2b7c1e-9d43-4c0a-8a55-3b1f7f1f6d10'],
  });

/** A key is held for this long after its last renewal. Then the process that was answering counts as dead. */
const heldMs = 15_000;
const renewEveryMs = heldMs / 5;
/** When a request that met an unanswered one may come again. */
const retryAfterMs = 2_000;

/** A request that carries a key. */
interface KeyedRequest {
  userId: string;
  /** Undefined for a request without a key, which is always done. */
  key: string | undefined;
  /** What was asked for. The same key with something else is refused. */
  asked: unknown;
}

/** Stores the answer. It must run in the transaction that does what was asked for. */
export type RecordAnswer<Answer> = (session: Session, answer: Answer) => Promise<void>;

/**
 * Does a request, or returns the answer that an earlier one with the same key got.
 * @param work does it. It must call `record`, where it is given.
 * @throws MillraceError IDEMPOTENCY_KEY_REUSED or IDEMPOTENCY_IN_PROGRESS
 */
export async function answerOnce<Answer extends StoredAnswer>(
  database: Database,
  { userId, key, asked }: KeyedRequest,
  work: (record: RecordAnswer<Answer> | undefined) => Promise<Answer>,
): Promise<Answer> {
  if (key === undefined) {
    return work(undefined);
  }
  const fingerprint = sha256Hex(JSON.stringify(asked));
  const claim = { userId, key, token: newId() };
  const earlier = await database.idempotencyKeys.claim({ ...claim, fingerprint, heldMs });
  if (earlier !== null) {
    if (earlier.fingerprint !== fingerprint) {
      throw new MillraceError('IDEMPOTENCY_KEY_REUSED');
    }
    if (earlier.answer === null) {
      throw stillRunning();
    }
    // The fingerprint names the endpoint, so the answer is one of its own.
    const answer = earlier.answer as Answer;
    return { ...answer, headers: { ...answer.headers, 'Idempotency-Replayed': 'true' } };
  }
  // If a renewal fails, the next one may succeed. If none does, another request may take the key, and this one cannot record.
  const renew = () => database.idempotencyKeys.renew({ ...claim, heldMs }).catch(() => undefined);
  const renewing = setInterval(renew, renewEveryMs);
  try {
    return await work(async (session, answer) => {
      if (!(await session.idempotencyKeys.record(claim, answer))) {
        throw stillRunning();
      }
    });
  } catch (error) {
    // If the database is away, the key frees itself after its time. The client must learn the first error.
    await database.idempotencyKeys.release(claim).catch(() => undefined);
    throw error;
  } finally {
    clearInterval(renewing);
  }
}

function stillRunning(): MillraceError {
  return new MillraceError('IDEMPOTENCY_IN_PROGRESS', undefined, { retryAfterMs });
}
