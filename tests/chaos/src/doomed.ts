import { setTimeout as sleep } from 'node:timers/promises';
import { type Client, Refused } from './client';
import { type ChaosDocument, pdfOf, sentence } from './documents';
import type { Random } from './random';

/** The name of a collection that is deleted while its documents are being read and embedded. */
export const doomedName = 'doomed';

const gone = 'COLLECTION_NOT_FOUND';
const path = '/api/v1/collections';

/** When the collection is deleted, and what is uploaded into it at which time, before and after that. */
export interface Doomed {
  deletedAt: number;
  uploads: (ChaosDocument & { at: number })[];
}

/** Makes documents of their own texts, so that no other document shares their vectors. Some come within the second before the deletion. */
export async function makeDoomed(random: Random, durationMs: number): Promise<Doomed> {
  const deletedAt = random.int(Math.round(durationMs * 0.3), Math.round(durationMs * 0.7));
  const times = [0, 0.5, 0.8].map((part) => Math.round(deletedAt * part));
  const uploads = [...times, deletedAt - 900, deletedAt - 300, deletedAt, deletedAt + 100, deletedAt + 2_000].map(
    async (at, i) => {
      const pages = Array.from({ length: random.int(4, 12) }, (_, page) =>
        [`Doomed ${i}, page ${page}.`, sentence(random), sentence(random)].join(' '),
      );
      return { at, name: `doomed-${i}.pdf`, pdf: await pdfOf(pages, `Doomed ${i}`), errorCode: null };
    },
  );
  return { deletedAt, uploads: await Promise.all(uploads) };
}

export interface DoomedOutcome {
  problems: string[];
  accepted: number;
  refused: number;
}

/** Makes the collection, uploads into it, and deletes it meanwhile. @returns what is wrong with the answers. */
export async function runDoomed(
  client: Client,
  { deletedAt, uploads }: Doomed,
  startedAt: number,
  signal: AbortSignal,
): Promise<DoomedOutcome> {
  const until = (at: number) => sleep(Math.max(0, startedAt + at - Date.now()), undefined, { signal });
  const id = await makeCollection(client);
  let isDeleted = false;
  const deleting = (async () => {
    await until(deletedAt);
    // The answer to an earlier try may have been lost.
    await client.send('DELETE', `${path}/${id}?name=${doomedName}`).catch(unless(gone));
    isDeleted = true;
  })();
  const answers = await Promise.all(
    uploads.map(async ({ at, ...document }) => {
      await until(at);
      const isLate = isDeleted;
      const refusal = await client
        .upload({ ...document, fields: { collection_id: id, chunk_strategy: 'page' } })
        .then(() => null)
        .catch(unless(gone));
      return { name: document.name, isLate, isRefused: refusal !== null };
    }),
  );
  await deleting;
  // Whatever the faults have delayed, this one comes after the deletion.
  const last = await client
    .upload({ ...(uploads[0] as ChaosDocument), fields: { collection_id: id } })
    .then(() => null)
    .catch(unless(gone));
  answers.push({ name: 'the first file again', isLate: true, isRefused: last !== null });
  return {
    problems: answers
      .filter(({ isLate, isRefused }) => isLate && !isRefused)
      .map(({ name }) => `${name} was accepted into a deleted collection.`),
    accepted: answers.filter(({ isRefused }) => !isRefused).length,
    refused: answers.filter(({ isRefused }) => isRefused).length,
  };
}

async function makeCollection(client: Client): Promise<string> {
  await client.send('POST', path, { name: doomedName }).catch(unless('COLLECTION_NAME_TAKEN'));
  const { collections } = (await client.send('GET', `${path}?name=${doomedName}`)) as { collections: { id: string }[] };
  const [made] = collections;
  if (!made) {
    throw new Error('The collection that was made is not listed.');
  }
  return made.id;
}

/** Takes the refusal with this code as an answer. @throws any other error */
function unless(code: string): (error: unknown) => Refused {
  return (error) => {
    if (error instanceof Refused && error.code === code) {
      return error;
    }
    throw error;
  };
}
