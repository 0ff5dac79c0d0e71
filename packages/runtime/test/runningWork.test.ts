import { once } from 'node:events';
import { RunningWork } from '../src';

/** A promise and the function that resolves it. */
function gate(): { opened: Promise<void>; open: () => void } {
  let open: () => void = () => undefined;
  const opened = new Promise<void>((resolve) => {
    open = resolve;
  });
  return { opened, open };
}

test('When work begins other work, then finishing waits for both', async () => {
  const runningWork = new RunningWork();
  const [first, second] = [gate(), gate()];
  const ended: string[] = [];
  void runningWork.run(async () => {
    await first.opened;
    void runningWork.run(() => second.opened.then(() => ended.push('second')));
    ended.push('first');
  });
  const finished = runningWork.finish().then(() => ended.push('finished'));
  first.open();
  await first.opened;
  second.open();
  await finished;
  expect(ended).toEqual(['first', 'second', 'finished']);
});

test('When work fails, then its caller gets the error and finishing does not fail', async () => {
  const runningWork = new RunningWork();
  const work = runningWork.run(() => Promise.reject(new Error('It failed.')));
  await Promise.all([expect(work).rejects.toThrow('It failed.'), runningWork.finish()]);
});

test('When work is to be released, then it is told, and the release waits for it', async () => {
  const runningWork = new RunningWork();
  const ended: string[] = [];
  void runningWork.run(async () => {
    await once(runningWork.signal, 'abort');
    ended.push('work');
  });
  await runningWork.release();
  expect(ended).toEqual(['work']);
  expect(runningWork.signal.aborted).toBe(true);
});
