import { readdirSync } from 'node:fs';
import { join } from 'node:path';

/** Returns the paths of the PDFs in samples/, sorted by name. */
export function sampleFiles(root: string): string[] {
  const folder = join(root, 'samples');
  return readdirSync(folder)
    .filter((name) => name.endsWith('.pdf'))
    .sort()
    .map((name) => join(folder, name));
}
