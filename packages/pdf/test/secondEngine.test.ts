import type { Worker } from 'node:worker_threads';
import { contentPdf } from '@millrace/test-support';
import { SecondEngine } from '../src/second/secondEngine';

const page = contentPdf('BT /F 12 Tf 50 700 Td (The mill) Tj ET');

test('When its thread ends between two pages, then the second engine reads the next page in another', async () => {
  const engine = new SecondEngine();
  try {
    expect(await engine.read(page)).toMatchObject([{ text: 'The mill' }]);
    const thread = Reflect.get(engine, 'thread') as Worker;
    // As when a promise of the page before is rejected too late.
    thread.emit('error', new Error('late'));
    await thread.terminate();
    expect(await engine.read(page)).toMatchObject([{ text: 'The mill' }]);
  } finally {
    await engine.close();
  }
});
