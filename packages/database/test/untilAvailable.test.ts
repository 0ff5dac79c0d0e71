import { MillraceError } from '@millrace/contracts';
import { untilAvailable } from '../src';

const away = () => new MillraceError('DATABASE_UNAVAILABLE', 'away');

/** Fails with these errors, one after the other, and then succeeds. */
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

  test('When it is there, then the work runs once', async () => {
    const { calls, work } = failing();
    expect(await untilAvailable(work, never)).toBe('done');
    expect(calls.count).toBe(1);
  });

  test('When it comes back, then the work runs again until it gets through', async () => {
    const { calls, work } = failing(away(), away());
    expect(await untilAvailable(work, never)).toBe('done');
    expect(calls.count).toBe(3);
  });

  test('When all its connections were in use or it took too long, then the work runs again as well', async () => {
    const { calls, work } = failing(
      new MillraceError('DATABASE_BUSY', 'busy'),
      new MillraceError('DATABASE_TIMEOUT', 'slow'),
    );
    expect(await untilAvailable(work, never)).toBe('done');
    expect(calls.count).toBe(3);
  });

  test('When it takes too long for the third time, outages between or not, then that is thrown', async () => {
    const slow = () => new MillraceError('DATABASE_TIMEOUT', 'slow');
    const { calls, work } = failing(slow(), away(), slow(), away(), slow());
    await expect(untilAvailable(work, never)).rejects.toMatchObject({ code: 'DATABASE_TIMEOUT' });
    expect(calls.count).toBe(5);
  });

  test('When the server is silent for the third time, then that is thrown as well', async () => {
    const silent = () =>
      new MillraceError('DATABASE_UNAVAILABLE', 'silent', { cause: new Error('Query read timeout') });
    const { calls, work } = failing(silent(), silent(), silent());
    await expect(untilAvailable(work, never)).rejects.toMatchObject({ message: 'silent' });
    expect(calls.count).toBe(3);
  });

  test('When something else is wrong, then it is thrown at once', async () => {
    const { calls, work } = failing(new Error('broken'));
    await expect(untilAvailable(work, never)).rejects.toThrow('broken');
    expect(calls.count).toBe(1);
  });

  test('When something else is wrong after it has come back, then that is thrown', async () => {
    const { calls, work } = failing(away(), new MillraceError('INTERNAL', 'broken'));
    await expect(untilAvailable(work, never)).rejects.toMatchObject({ code: 'INTERNAL' });
    expect(calls.count).toBe(2);
  });

  test('When the waiting is ended, then it ends at once, with the outage as the reason', async () => {
    const stopping = new AbortController();
    let tries = 0;
    const waiting = untilAvailable(async () => {
      tries += 1;
      if (tries === 3) {
        // While it is about to wait for the fourth time.
        setImmediate(() => stopping.abort());
      }
      throw away();
    }, stopping.signal);
    await expect(waiting).rejects.toMatchObject({ code: 'DATABASE_UNAVAILABLE' });
    expect(tries).toBe(3);
  });

  test('When the waiting was ended before, then the work still gets one try', async () => {
    const { calls, work } = failing(away());
    await expect(untilAvailable(work, AbortSignal.abort())).rejects.toMatchObject({ code: 'DATABASE_UNAVAILABLE' });
    expect(calls.count).toBe(1);
    expect(await untilAvailable(work, AbortSignal.abort())).toBe('done');
  });
});
