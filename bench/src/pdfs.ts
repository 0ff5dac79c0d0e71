import { existsSync, readdirSync, statSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { root } from './benchStack';
import { madeFilings } from './filings';

/**
 * Returns the paths of a benchmark's PDFs, by name.
 * @param name their folder, relative to the repository; the PDFs that the project makes when left out.
 * @param smallest return only so many of the smallest.
 * @throws Error when there are none.
 */
export async function inputPdfs(name: string | undefined, smallest?: number): Promise<string[]> {
  const folder = name === undefined ? await madeFilings() : resolve(root, name);
  if (!existsSync(folder)) {
    throw new Error(`There is no folder ${folder}. Name a folder of PDFs with --files FOLDER.`);
  }
  const files = readdirSync(folder)
    .filter((file) => file.toLowerCase().endsWith('.pdf'))
    .sort()
    .map((file) => join(folder, file));
  if (files.length === 0) {
    throw new Error(`There are no PDFs in ${folder}.`);
  }
  const bySize = [...files].sort((a, b) => statSync(a).size - statSync(b).size);
  return smallest === undefined ? files : bySize.slice(0, smallest);
}
