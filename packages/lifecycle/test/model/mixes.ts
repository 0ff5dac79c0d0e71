import fc from 'fast-check';
import * as chunks from './chunkCommands';
import type { Command } from './command';
import * as drift from './driftCommands';
import * as jobs from './jobCommands';
import * as operator from './operatorCommands';

type Weights = readonly (readonly [weight: number, command: fc.Arbitrary<Command>])[];

const mix = (...weights: Weights) => fc.oneof(...weights.map(([weight, arbitrary]) => ({ weight, arbitrary })));

// What leads on is frequent, what ends everything is rare, so that runs get far.
const transitions: Weights = [
  [6, jobs.acceptNew],
  [1, jobs.acceptAgain],
  [8, jobs.claim],
  [1, jobs.renew],
  [1, jobs.release],
  [1, jobs.requeue],
  [6, jobs.store],
  [1, jobs.failReading],
  [2, jobs.letLeasesRunOut],
  [3, jobs.expire],
  [14, chunks.claim],
  [22, chunks.settle],
  [1, chunks.renew],
  [2, chunks.release],
  [4, chunks.letLeasesRunOut],
  [6, chunks.expire],
  [1, chunks.redispatch],
  [1, chunks.redispatchWaitingJobs],
  [8, operator.retry],
  [4, operator.retryAll],
  [1, operator.count],
  [3, operator.cancel],
  [1, operator.remove],
  [1, operator.letTextsExpire],
];

/** Everything that can happen to a few documents. */
export const anything = mix(...transitions, [5, drift.disturb], [1, drift.look]);

/** What happens around the reading of a document. */
export const reading = mix(
  [5, jobs.acceptNew],
  [1, jobs.acceptAgain],
  [16, jobs.claim],
  [4, jobs.renew],
  [4, jobs.release],
  [4, jobs.requeue],
  [3, jobs.store],
  [3, jobs.failReading],
  [12, jobs.letLeasesRunOut],
  [3, jobs.expire],
  [1, chunks.redispatchWaitingJobs],
  [4, operator.retry],
  [3, operator.retryAll],
  [1, operator.count],
  [1, operator.cancel],
  [2, operator.remove],
);

/** What can happen at the same moment: everything but a disturbance, which whoever looks then would find as well. */
export const atOnce = mix(...transitions, [4, operator.cancel], [8, operator.retry], [6, drift.look]);
