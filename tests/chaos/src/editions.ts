import { setTimeout as sleep } from 'node:timers/promises';
import type { UploadResponse } from '@millrace/contracts';
import type { Client } from './client';
import { type ChaosDocument, pdfOf, sentence } from './documents';
import type { Random } from './random';

/** The external id of the document of which one version after another is uploaded. */
export const editionsId = 'editions';
/** Searches for the versions are embedded from this text. */
export const editionsQuery = 'Which edition is this?';
/** The metadata of every version. */
export const editionsMetadata = { editions: true };

/** The time between two versions, if the one before was accepted by then. */
const everyMs = [1_500, 4_000] as const;

/** A version, and when it is uploaded. */
export interface Edition extends ChaosDocument {
  at: number;
}

/** Makes the versions for a run. Each has other pages than the ones before, and their number changes. */
export async function makeEditions(random: Random, durationMs: number): Promise<Edition[]> {
  const editions: Edition[] = [];
  for (let at = 0; at < durationMs * 0.95; at += random.int(...everyMs)) {
    const edition = editions.length + 1;
    const pages = random.int(2, 8);
    const texts = Array.from(
      { length: pages },
      (_, i) => `Edition ${edition}, page ${i + 1} of ${pages}. ${sentence(random)} ${sentence(random)}`,
    );
    editions.push({
      at,
      name: `edition-${edition}.pdf`,
      pdf: await pdfOf(texts, `Edition ${edition}`),
      errorCode: null,
      // Each page is one chunk, so that a search can tell whether a version is whole.
      fields: {
        external_id: editionsId,
        metadata: JSON.stringify(editionsMetadata),
        chunk_strategy: 'page',
      },
      idempotencyKey: `edition ${edition}`,
    });
  }
  return editions;
}

/** Uploads one version after another. @returns what is wrong with the answers. */
export async function uploadEditions(
  client: Client,
  editions: readonly Edition[],
  startedAt: number,
  signal: AbortSignal,
): Promise<string[]> {
  const answers: UploadResponse[] = [];
  for (const edition of editions) {
    await sleep(Math.max(0, startedAt + edition.at - Date.now()), undefined, { signal });
    answers.push(await client.upload(edition));
  }
  // Each version was accepted once, however often it was sent.
  return answers.flatMap(({ document }, i) =>
    document.version === i + 1 ? [] : [`${editions[i]?.name} has become version ${document.version}.`],
  );
}
