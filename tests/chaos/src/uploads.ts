import { setTimeout as sleep } from 'node:timers/promises';
import type { UploadResponse } from '@millrace/contracts';
import type { Client } from './client';
import type { ChaosDocument } from './documents';
import type { PlannedUpload } from './plan';

/** Makes all uploads at their times. @returns the answers by document. */
export async function uploadAll(
  client: Client,
  documents: readonly ChaosDocument[],
  uploads: readonly PlannedUpload[],
  startedAt: number,
  signal: AbortSignal,
): Promise<UploadResponse[][]> {
  const answers: UploadResponse[][] = documents.map(() => []);
  await Promise.all(
    uploads.map(async ({ document: index, at }) => {
      const document = documents[index];
      await sleep(Math.max(0, startedAt + at - Date.now()), undefined, { signal });
      if (document) {
        answers[index]?.push(await client.upload(document));
      }
    }),
  );
  return answers;
}

/** Checks that each file became one document, however often it was uploaded. @returns what is wrong. */
export function checkAnswers(documents: readonly ChaosDocument[], answers: readonly UploadResponse[][]): string[] {
  return answers.flatMap((given, index) => {
    const name = documents[index]?.name;
    const ids = new Set(given.map((answer) => answer.document.id));
    const accepted = given.filter((answer) => !answer.duplicate).length;
    return [
      ...(ids.size === 1 ? [] : [`${name} has become ${ids.size} documents.`]),
      // No answer says so when that answer was lost and the client asked again.
      ...(accepted <= 1 ? [] : [`${name} was accepted as new ${accepted} times.`]),
    ];
  });
}
