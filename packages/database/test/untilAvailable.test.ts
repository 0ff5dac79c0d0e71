import { MillraceError } from '@millrace/contracts';
import { untilAvailable } from '../src';

const outage = () => new MillraceError('DATABASE_UNAVAILABLE', 'The database is unavailable.');

/** Makes work that throws these errors one after the other and then succeeds. */
function failing(...errors: Error[]) {
  const calls = { count: 0 };
  const work = async () => {
    const error = errors[calls.count];
    calls.count += 1;
    if (error) {
      throw error;
    }
    return 'done';
  };
  return { calls, work };
}

describe('Waiting until the database is available', () => {
  const never = new AbortController().signal;

  test('When it is available, then the work runs once', async () => {
    const { calls, work } = failing();
    expect(await untilAvailable(work, never)).toBe('done');
    expect(calls.count).toBe(1);
  });

  test('When it becomes available again, then the work runs again until it succeeds', async () => {
    const { calls, work } = failing(outage(), outage());
    expect(await untilAvailable(work, never)).toBe('done');
    expect(calls.count).toBe(3);
  });

  test('When all connections were in use or a statement timed out, then the work runs again too', async () => {
    const { calls, work } = failing(
      new MillraceError('DATABASE_BUSY', 'busy'),
      new MillraceError('DATABASE_TIMEOUT', 'slow'),
    );
    expect(await untilAvailable(work, never)).toBe('done');
    expect(calls.count).toBe(3);
  });

  test('When a statement times out for the third time, with outages in between or not, then that error is thrown', async () => {
    const slow = () => new MillraceError('DATABASE_TIMEOUT', 'slow');
    const { calls, work } = failing(slow(), outage(), slow(), outage(), slow());
    await expect(untilAvailable(work, never)).rejects.toMatchObject({ code: 'DATABASE_TIMEOUT' });
    expect(calls.count).toBe(5);
  });

  test('When the server is silent for the third time, then that error is thrown', async () => {
    const silent = () =>
      new MillraceError('DATABASE_UNAVAILABLE', 'silent', { cause: new Error('Query read timeout') });
    const { calls, work } = failing(silent(), silent(), silent());
    await expect(untilAvailable(work, never)).rejects.toMatchObject({ message: 'silent' });
    expect(calls.count).toBe(3);
  });

  test('When the work throws another error, then it is thrown at once', async () => {
    const { calls, work } = failing(new Error('broken'));
    await expect(untilAvailable(work, never)).rejects.toThrow('broken');
    expect(calls.count).toBe(1);
  });

  test('When the work throws another error after an outage, then that error is thrown', async () => {
    const { calls, work } = failing(outage(), new MillraceError('INTERNAL', 'broken'));
    await expect(untilAvailable(work, never)).rejects.toMatchObject({ code: 'INTERNAL' });
    expect(calls.count).toBe(2);
  });

  test('When the signal is aborted, then the waiting ends at once and the outage is thrown', async () => {
    const stopping = new AbortController();
    let tries = 0;
    const waiting = untilAvailable(async () => {
      tries += 1;
      if (tries === 3) {
        // The fourth wait is about to begin.
        setImmediate(() => stopping.abort());
      }
      throw outage();
    }, stopping.signal);
    await expect(waiting).rejects.toMatchObject({ code: 'DATABASE_UNAVAILABLE' });
    expect(tries).toBe(3);
  });

  test('When the signal was aborted before, then the work still gets one try', async () => {
    const { calls, work } = failing(outage());
    await expect(untilAvailable(work, AbortSignal.abort())).rejects.toMatchObject({ code: 'DATABASE_UNAVAILABLE' });
    expect(calls.count).toBe(1);
    expect(await untilAvailable(work, AbortSignal.abort())).toBe('done');
  });
});
