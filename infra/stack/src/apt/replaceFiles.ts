import { copyFileSync, mkdirSync, readdirSync, renameSync } from 'node:fs';
import { join } from 'node:path';

/**
 * Puts every file below a folder into the same place below another one. Each replaces the old file in one step: a running
 * program keeps the file that it has opened, and none sees half of one. Libraries come before the files that name them.
 */
export function replaceFiles(from: string, to: string): void {
  for (const path of filesBelow(from).sort((a, b) => rank(a) - rank(b))) {
    const target = join(to, path);
    mkdirSync(join(target, '..'), { recursive: true });
    const temporary = `${target}.millrace-new`;
    copyFileSync(join(from, path), temporary);
    renameSync(temporary, target);
  }
}

/** PostgreSQL reads the control file first. It names the version, whose definitions name the library. */
function rank(path: string): number {
  return path.endsWith('.so') ? 0 : path.endsWith('.control') ? 2 : 1;
}

function filesBelow(folder: string, path = ''): string[] {
  return readdirSync(join(folder, path), { withFileTypes: true }).flatMap((entry) =>
    entry.isDirectory() ? filesBelow(folder, join(path, entry.name)) : [join(path, entry.name)],
  );
}
