import { setTimeout as sleep } from 'node:timers/promises';
import type { Backing } from './backing';
import { Client } from './client';
import type { ChaosDocument } from './documents';
import { Provider } from './provider';
import type { Random } from './random';
import { openStage, type Stage } from './stage';
import { checkEnds, countUnfinished, describeUnfinished } from './state';
import { uploadAll } from './uploads';

const endWithinMs = 300_000;
const lookAgainMs = 200;

/**
 * Ingests the documents without faults, and stops. @returns the stage. Its database is still open.
 * @throws Error when the result is wrong.
 */
export async function runUndisturbed(options: {
  backing: Backing;
  documents: readonly ChaosDocument[];
  random: Random;
  signal: AbortSignal;
}): Promise<Stage> {
  const { backing, documents, signal } = options;
  const { servers, folder } = backing;
  const provider = await Provider.start(options.random, [0, 0]);
  let stage: Stage | undefined;
  try {
    const shape = { api: 1, chunker: 1, embedder: 1, reconciler: 1 };
    stage = await openStage({ name: 'undisturbed', servers, folder, provider, shape });
    const { fleet, database } = stage;
    const client = new Client(() => fleet.apiUrl, signal);
    const uploads = documents.map((_, document) => ({ document, at: 0 }));
    await uploadAll(client, documents, uploads, Date.now(), signal);
    const deadline = Date.now() + endWithinMs;
    while ((await countUnfinished(database)) > 0) {
      if (Date.now() > deadline) {
        throw new Error(`The undisturbed run does not end: ${(await describeUnfinished(database)).join('; ')}`);
      }
      await sleep(lookAgainMs, undefined, { signal });
    }
    const wrong = await checkEnds(database, documents);
    if (wrong.length > 0) {
      throw new Error(`The result of the undisturbed run is wrong: ${wrong.join('; ')}`);
    }
    await fleet.stop();
    return stage;
  } catch (error) {
    await stage?.fleet.stop();
    await stage?.database.end();
    throw error;
  } finally {
    await provider.close();
  }
}
