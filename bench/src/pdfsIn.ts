import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';

/** The paths of the PDFs in a folder, by name. @throws when there are none. */
export function pdfsIn(folder: string): string[] {
  if (!existsSync(folder)) {
    throw new Error(`There is no folder ${folder}; name one that holds PDFs with --files FOLDER.`);
  }
  const files = readdirSync(folder).filter((name) => name.toLowerCase().endsWith('.pdf'));
  if (files.length === 0) {
    throw new Error(`There are no PDFs in ${folder}.`);
  }
  return files.sort().map((name) => join(folder, name));
}
