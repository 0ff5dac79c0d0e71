import { once } from 'node:events';
import { WorkInHand } from '../src';

/** A promise and the function that resolves it. */
function gate(): { opened: Promise<void>; open: () => void } {
  let open: () => void = () => undefined;
  const opened = new Promise<void>((resolve) => {
    open = resolve;
  });
  return { opened, open };
}

test('When work begins other work, then finishing waits for both', async () => {
  const inHand = new WorkInHand();
  const [first, second] = [gate(), gate()];
  const ended: string[] = [];
  void inHand.run(async () => {
    await first.opened;
    void inHand.run(() => second.opened.then(() => ended.push('second')));
    ended.push('first');
  });
  const finished = inHand.finish().then(() => ended.push('finished'));
  first.open();
  await first.opened;
  second.open();
  await finished;
  expect(ended).toEqual(['first', 'second', 'finished']);
});

test('When work fails, then its caller gets the error and finishing does not fail', async () => {
  const inHand = new WorkInHand();
  const work = inHand.run(() => Promise.reject(new Error('It failed.')));
  await Promise.all([expect(work).rejects.toThrow('It failed.'), inHand.finish()]);
});

test('When work is to be released, then it is told, and the release waits for it', async () => {
  const inHand = new WorkInHand();
  const ended: string[] = [];
  void inHand.run(async () => {
    await once(inHand.signal, 'abort');
    ended.push('work');
  });
  await inHand.release();
  expect(ended).toEqual(['work']);
  expect(inHand.signal.aborted).toBe(true);
});
