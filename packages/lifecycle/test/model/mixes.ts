import fc from 'fast-check';
import * as chunks from './chunkCommands';
import type { Command } from './command';
import * as drift from './driftCommands';
import * as jobs from './jobCommands';
import * as operator from './operatorCommands';

type Weights = readonly (readonly [weight: number, command: fc.Arbitrary<Command>])[];

const mix = (...weights: Weights) => fc.oneof(...weights.map(([weight, arbitrary]) => ({ weight, arbitrary })));

// Commands that move the work forward are frequent, and those that end it are rare, so that runs get far.
const transitions: Weights = [
  [6, jobs.acceptNew],
  [1, jobs.acceptAgain],
  [8, jobs.claim],
  [1, jobs.renew],
  [1, jobs.release],
  [1, jobs.retryLater],
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
  [5, operator.rereadPages],
  [1, operator.count],
  [3, operator.cancel],
  [1, operator.remove],
  [1, operator.letTextsExpire],
];

/** All commands. */
export const anything = mix(...transitions, [5, drift.disturb], [1, drift.look]);

/** The commands around the reading of a document. */
export const reading = mix(
  [5, jobs.acceptNew],
  [1, jobs.acceptAgain],
  [16, jobs.claim],
  [4, jobs.renew],
  [4, jobs.release],
  [4, jobs.retryLater],
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

/** The commands around failed pages that are read again. */
export const rereading = mix(
  [8, operator.rereadPages],
  [8, jobs.claim],
  [1, jobs.release],
  [1, jobs.retryLater],
  [5, jobs.store],
  [2, jobs.failReading],
  [2, jobs.letLeasesRunOut],
  [2, jobs.expire],
  [8, chunks.claim],
  [10, chunks.settle],
  [1, chunks.letLeasesRunOut],
  [1, chunks.expire],
  [3, operator.retry],
  [2, operator.retryAll],
  [1, operator.cancel],
  [1, chunks.redispatchWaitingJobs],
  [1, operator.letTextsExpire],
  [2, drift.disturb],
  [1, drift.look],
);

/** Commands that may meet: all but a disturbance, which every concurrent look would find too. */
export const atOnce = mix(...transitions, [4, operator.cancel], [8, operator.retry], [6, drift.look]);
