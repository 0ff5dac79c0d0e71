import { newId } from '@millrace/contracts';
import type { Database } from '@millrace/database';
import fc from 'fast-check';
import type { ChunkClaim, ClaimedJob, RoundResult } from '../../src';
import type { Model, ModelRound } from './model';

/** What the callers of the lifecycle know: ids, and their claims, whether they still hold them or not. */
export class World {
  readonly jobs: { jobId: string; documentId: string; chunkIds: string[] }[] = [];
  readonly jobClaims: ClaimedJob[] = [];
  readonly chunkClaims: ChunkClaim[] = [];

  constructor(
    readonly database: Database,
    /** The most documents at a time. */
    readonly mostDocuments = 6,
  ) {}

  get isFull(): boolean {
    return new Set(this.jobs.map((job) => job.documentId)).size >= this.mostDocuments;
  }

  /** One of the jobs; now and then one that does not exist. */
  job(choice: number): { jobId: string; documentId: string } {
    const job = this.jobs[choice % this.jobs.length];
    return job && choice !== nothing ? job : { jobId: newId(), documentId: newId() };
  }

  /** Chunks of all jobs: all of them, or some. */
  chunkIds(choice: Choice): string[] {
    const all = this.jobs.flatMap((job) => job.chunkIds);
    return choice === 'all' || all.length === 0
      ? all
      : [...new Set(choice.map((n) => (n === nothing ? newId() : (all[n % all.length] ?? ''))))];
  }
}

/** The choice that names a row that does not exist. */
const nothing = 60;
/** Which one of a list, by its remainder. */
export const anyOne = fc.nat({ max: nothing });
export type Choice = 'all' | number[];
export const some: fc.Arbitrary<Choice> = fc.oneof(
  { weight: 3, arbitrary: fc.constant('all' as const) },
  { weight: 2, arbitrary: fc.array(anyOne, { minLength: 1, maxLength: 6 }) },
);
/** Mostly the last claim, which is still held, and sometimes one of those before it. */
export const aClaim = fc.oneof(
  { weight: 3, arbitrary: fc.constant(0) },
  { weight: 2, arbitrary: fc.integer({ min: 1, max: 3 }) },
);
export const recent = <T>(claims: readonly T[], choice: number): T | undefined => claims.at(-1 - choice);

/** A request for one transition. */
export interface Command {
  toString(): string;
  /** Decides what is asked for, and does it. `predict` returns the expected answer and changes the model. */
  start(world: World): { answer: Promise<unknown>; predict: (model: Model, answer: unknown) => unknown };
}

/**
 * Commands of one kind.
 * @param parts.request what is asked for, in ids
 * @param parts.perform does it, and tells the world what a caller knows afterwards
 * @param parts.predict returns the expected answer; ids and tokens that were made are taken from the real answer
 */
export function command<Args, Request, Answer>(
  name: string,
  args: fc.Arbitrary<Args>,
  parts: {
    request: (world: World, args: Args) => Request;
    perform: (world: World, request: Request) => Promise<Answer>;
    predict: (model: Model, request: Request, answer: Answer) => Answer;
  },
): fc.Arbitrary<Command> {
  return args.map((values) => ({
    toString: () => `${name}(${JSON.stringify(values)})`,
    start: (world) => {
      const request = parts.request(world, values);
      return {
        answer: parts.perform(world, request),
        predict: (model, answer) => parts.predict(model, request, answer as Answer),
      };
    },
  }));
}

export const deliveriesOf = (dispatches: readonly { queueJobId: string }[]) =>
  dispatches.map((dispatch) => dispatch.queueJobId).sort();

/** The rounds of a settlement in the model's words. */
export function roundsOf(rounds: readonly RoundResult[]): ModelRound[] {
  return rounds
    .map(({ jobId, status, retries }) => ({ jobId, status, retries: deliveriesOf(retries) }))
    .sort((a, b) => (a.jobId < b.jobId ? -1 : 1));
}
