import { EmbedderWorld } from './support';

test('When the service stops while a batch is being claimed, then the chunks of the batch are released', async () => {
  const world = await EmbedderWorld.create();
  world.provider.respondWith(() => ({ hang: true }));
  try {
    const { chunkIds, deliveries } = await world.upload(3);
    const worker = await world.worker();
    const work = world.runningWork.run(() => worker.process(deliveries));
    await world.runningWork.release();
    expect(await work).toEqual(deliveries.map(() => ({ outcome: 'done' })));

    const rows = await world.database.jobChunks.findAll(chunkIds);
    expect(rows.map((row) => [row.status, row.attempts])).toEqual(chunkIds.map(() => ['pending', 0]));
    for (const row of rows) {
      expect(await world.queues.chunks.getJobState(row.queueJobId)).toBe('prioritized');
    }
    const later = await worker.process(deliveries);
    expect(later.map((result) => result.outcome)).toEqual(['later', 'later', 'later']);
    expect(world.provider.requests).toEqual([]);
  } finally {
    await world.dispose();
  }
});
