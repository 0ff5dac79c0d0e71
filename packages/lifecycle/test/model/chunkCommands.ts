import { type ErrorCode, MillraceError, newId } from '@millrace/contracts';
import { unitVector } from '@millrace/test-support';
import { letLeasesExpire, noBackoff, testLease } from '@millrace/test-support/lifecycle';
import fc from 'fast-check';
import {
  claimChunks,
  expireLeases,
  redispatchChunks,
  redispatchJobs,
  releaseChunks,
  renewChunkLeases,
  settleChunks,
} from '../../src';
import { aClaim, command, deliveriesOf, recent, roundsOf, some } from './command';
import { deliveryOf, endLease, fail, finishSettling, isHeld, succeed, waits } from './model';

/** Which deliveries brought the chunks: those that the rows name, or the first ones. */
const deliveries = fc.constantFrom('own', 'first');

export const claim = command('claimChunks', fc.record({ chunks: some, deliveries }), {
  request: (world, { chunks, deliveries: which }) => ({ chunkIds: world.chunkIds(chunks), which, token: newId() }),
  perform: async (world, { chunkIds, which, token }) => {
    const rows = which === 'own' ? await world.database.jobChunks.findAll(chunkIds) : [];
    const queueJobIds = which === 'own' ? rows.map((row) => row.queueJobId) : chunkIds.map((id) => `${id}.1`);
    const claimed = await claimChunks(world.database, { chunkIds, ...testLease, token, queueJobIds });
    if (claimed.chunks.length > 0) {
      world.chunkClaims.push(claimed);
    }
    return claimed.chunks.map(({ id, attempts }) => ({ id, attempts }));
  },
  predict: (model, { chunkIds, which, token }) => {
    const claimed = model
      .chunks(chunkIds)
      .filter((chunk) => waits(chunk) && (chunk.status === 'pending' || !chunk.isPutOff || which === 'own'));
    for (const chunk of claimed) {
      Object.assign(chunk, { status: 'processing', token, leaseIsOver: false, isPutOff: false });
      chunk.attempts += 1;
      const job = model.job(chunk.jobId);
      if (job?.status === 'retrying') {
        job.status = 'processing';
      }
    }
    return claimed.map(({ id, attempts }) => ({ id, attempts }));
  },
});

/** The results of the chunks of a claim, in order. When the list ends, it begins again. */
const fates = fc.array(
  fc.oneof(
    { weight: 4, arbitrary: fc.constant('success' as const) },
    { weight: 3, arbitrary: fc.constant('EMBEDDING_UNAVAILABLE' as const) },
    // With the time that the provider asks its callers to wait.
    { weight: 1, arbitrary: fc.constant('EMBEDDING_RATE_LIMITED' as const) },
    { weight: 1, arbitrary: fc.constant('EMBEDDING_REJECTED' as const) },
    { weight: 1, arbitrary: fc.constant('left' as const) },
  ),
  { minLength: 1, maxLength: 4 },
);

function errorOf(code: ErrorCode): MillraceError {
  return new MillraceError(code, undefined, code === 'EMBEDDING_RATE_LIMITED' ? { retryAfterMs: 3_600_000 } : {});
}

export const settle = command('settleChunks', fc.record({ claim: aClaim, fates, stale: fc.nat({ max: 7 }) }), {
  request: (world, { claim: choice, fates: chosen, stale }) => {
    const { token, chunks } = recent(world.chunkClaims, choice) ?? { token: newId(), chunks: [] };
    return {
      token: stale === 0 ? newId() : token,
      fated: chunks.map((chunk, i) => ({ chunk, fate: chosen[i % chosen.length] ?? 'left' })),
    };
  },
  perform: async (world, { token, fated }) => {
    const embedded = fated.flatMap(({ chunk, fate }) =>
      fate === 'success' ? [{ chunk, embedding: unitVector(chunk.chunkIndex) }] : [],
    );
    const failed = fated.flatMap(({ chunk, fate }) =>
      fate === 'success' || fate === 'left' ? [] : [{ chunkId: chunk.id, error: errorOf(fate) }],
    );
    const settlement = { token, embedded, failed, embeddingModel: 'test-model', claimedTexts: [] };
    const { chunkIds, rounds } = await settleChunks(world.database, settlement, noBackoff);
    return { settled: [...chunkIds].sort(), rounds: roundsOf(rounds) };
  },
  predict: (model, { token, fated }) => {
    const settled = fated.flatMap(({ chunk, fate }) => {
      const [state] = model.chunks([chunk.id]);
      if (!state || fate === 'left' || !isHeld(state, token)) {
        return [];
      }
      if (fate === 'success') {
        succeed(state);
      } else {
        fail(state, fate, errorOf(fate).retryAfterMs !== undefined);
      }
      return [state];
    });
    return { settled: settled.map((chunk) => chunk.id).sort(), rounds: finishSettling(model, settled) };
  },
});

export const letLeasesRunOut = command('let leases of chunks run out', some, {
  request: (world, choice) => world.chunkIds(choice),
  perform: async (world, chunkIds) => letLeasesExpire(world.database, 'job_chunks', chunkIds),
  predict: (model, chunkIds) => {
    for (const chunk of model.chunks(chunkIds)) {
      chunk.leaseIsOver = chunk.token !== null;
    }
  },
});

export const expire = command('expireLeases', fc.oneof(some, fc.integer({ min: 1, max: 4 })), {
  request: (world, choice) => (typeof choice === 'number' ? { limit: choice } : { chunkIds: world.chunkIds(choice) }),
  perform: async (world, selection) => {
    const { expired, rounds } = await expireLeases(world.database, selection, noBackoff);
    return { expired, rounds: roundsOf(rounds) };
  },
  predict: (model, selection) => {
    const lost = ('limit' in selection ? model.allChunks() : model.chunks(selection.chunkIds))
      .filter((chunk) => chunk.status === 'processing' && chunk.leaseIsOver)
      .slice(0, 'limit' in selection ? selection.limit : undefined);
    for (const chunk of lost) {
      fail(chunk, 'WORKER_LOST');
    }
    return { expired: lost.length, rounds: finishSettling(model, lost) };
  },
});

export const renew = command('renewChunkLeases', aClaim, {
  request: (world, choice) => recent(world.chunkClaims, choice)?.token ?? newId(),
  perform: async (world, token) => renewChunkLeases(world.database, { token, leaseMs: testLease.leaseMs }),
  predict: (model, token) => {
    const held = model.allChunks().filter((chunk) => isHeld(chunk, token));
    for (const chunk of held) {
      chunk.leaseIsOver = false;
    }
    return held.length;
  },
});

export const release = command('releaseChunks', fc.record({ claim: aClaim, chunks: some, redeliver: fc.boolean() }), {
  request: (world, { claim: choice, chunks, redeliver }) => ({
    token: recent(world.chunkClaims, choice)?.token ?? newId(),
    chunkIds: world.chunkIds(chunks),
    redeliver,
  }),
  perform: async (world, { token, chunkIds, redeliver }) =>
    deliveriesOf(await releaseChunks(world.database, { token, chunkIds, redeliver })),
  predict: (model, { token, chunkIds, redeliver }) => {
    const released = model.chunks(chunkIds).filter((chunk) => isHeld(chunk, token));
    for (const chunk of released) {
      endLease(chunk);
      chunk.status = 'pending';
      chunk.attempts -= 1;
      chunk.dispatches += redeliver ? 1 : 0;
    }
    return redeliver ? released.map(deliveryOf).sort() : [];
  },
});

export const redispatch = command(
  'redispatchChunks',
  fc.record({ chunks: some, count: fc.integer({ min: 1, max: 3 }) }),
  {
    request: (world, { chunks, count }) => ({ chunkIds: world.chunkIds(chunks), count }),
    perform: async (world, { chunkIds, count }) => {
      const lost = chunkIds.map((id) => ({ id, dispatchCount: count, queueJobId: `${id}.${count}` }));
      return deliveriesOf(await redispatchChunks(world.database, lost));
    },
    predict: (model, { chunkIds, count }) => {
      const lost = model.chunks(chunkIds).filter((chunk) => waits(chunk) && chunk.dispatches === count);
      for (const chunk of lost) {
        chunk.dispatches += 1;
      }
      return lost.map(deliveryOf).sort();
    },
  },
);

export const redispatchWaitingJobs = command('redispatchJobs', fc.integer({ min: 1, max: 3 }), {
  request: (world, count) => ({ jobIds: world.jobs.map((job) => job.jobId), count }),
  perform: async (world, { jobIds, count }) => {
    const lost = jobIds.map((id) => ({ id, dispatchCount: count, queueJobId: `${id}.${count}` }));
    return deliveriesOf(await redispatchJobs(world.database, lost));
  },
  predict: (model, { count }) => {
    const lost = model.jobs.filter((job) => job.status === 'queued' && job.dispatches === count);
    for (const job of lost) {
      job.dispatches += 1;
    }
    return lost.map(deliveryOf).sort();
  },
});
