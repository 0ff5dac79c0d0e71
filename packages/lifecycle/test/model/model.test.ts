import type { Database } from '@millrace/database';
import { createOwnDatabase } from '@millrace/test-support/lifecycle';
import fc from 'fast-check';
import { addDocument } from './addDocument';
import { type Command, World } from './command';
import { violations } from './invariants';
import { anything, reading, rereading } from './mixes';
import { Model } from './model';
import { type Snapshot, takeSnapshot } from './state';

/** The most commands of one run. */
const longestRun = 70;

let database: Database;
let dispose: () => Promise<void>;
beforeAll(async () => {
  ({ database, dispose } = await createOwnDatabase());
});
afterAll(() => dispose());

interface Real {
  world: World;
  before: Snapshot;
}

/** A command as fast-check runs it: the answer and the rows afterwards must equal the model's. */
function modelled(command: Command): fc.AsyncCommand<Model, Real> {
  return {
    check: () => true,
    run: async (model, real) => {
      const { answer, predict } = command.start(real.world);
      const answered = await answer;
      expect(answered).toEqual(predict(model, answered));
      const now = await takeSnapshot(database);
      expect(now.jobs).toEqual(model.jobs);
      expect(now.documents).toEqual(model.documents);
      expect(violations(now, real.before)).toEqual([]);
      real.before = now;
    },
    toString: () => command.toString(),
  };
}

/** Runs such commands, in any order and number, on the database and the model side by side. */
async function compare(
  commands: fc.Arbitrary<Command>,
  begin: () => Promise<{ world: World; model: Model }>,
  options: { numRuns: number; interruptAfterTimeLimit: number },
) {
  const runs = fc.commands([commands.map(modelled)], { maxCommands: longestRun, size: 'max' });
  const runOnce = async (run: Iterable<fc.AsyncCommand<Model, Real>>) => {
    await database.sql.none('DELETE FROM documents');
    const { world, model } = await begin();
    const before = await takeSnapshot(database);
    expect(before.jobs).toEqual(model.jobs);
    expect(before.documents).toEqual(model.documents);
    await fc.asyncModelRun(() => ({ model, real: { world, before } }), run);
  };
  let underWay: Promise<void> = Promise.resolve();
  await fc.assert(
    // Without a bias towards small values: the choices are remainders, and small ones are no more interesting.
    fc.asyncProperty(fc.noBias(runs), (run) => {
      underWay = runOnce(run);
      return underWay;
    }),
    options,
  );
  // The last run goes on after the time limit. The next test must not meet it on the database.
  await underWay;
}

// On a busy machine the time limit allows fewer runs. What they found is still reported.

test('When transitions follow each other in any order, then rows and answers equal those of the model', async () => {
  const begin = async () => {
    const world = new World(database);
    const model = new Model();
    await addDocument(world, model, 4, { jobMaxRetries: 2, chunkMaxRetries: 2 });
    await addDocument(world, model, 2, { jobMaxRetries: 1, chunkMaxRetries: 3 });
    return { world, model };
  };
  await compare(anything, begin, { numRuns: 40, interruptAfterTimeLimit: 14_000 });
});

test('When a document is being read, then rows and answers equal those of the model', async () => {
  const begin = async () => ({ world: new World(database, 1), model: new Model() });
  await compare(reading, begin, { numRuns: 25, interruptAfterTimeLimit: 8_000 });
});

test('When failed pages are read again, then rows and answers equal those of the model', async () => {
  const begin = async () => {
    const world = new World(database, 1);
    const model = new Model();
    await addDocument(world, model, 2, { jobMaxRetries: 1, chunkMaxRetries: 2 }, 1);
    return { world, model };
  };
  await compare(rereading, begin, { numRuns: 25, interruptAfterTimeLimit: 10_000 });
});
