import { existsSync, readdirSync, statSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { root } from './benchStack';

/**
 * Returns the paths of the PDFs in a folder, relative to the repository, by name.
 * @param smallest return only so many of the smallest.
 * @throws Error when there are none.
 */
export function pdfsIn(name: string, smallest?: number): string[] {
  const folder = resolve(root, name);
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
