import { existsSync } from 'node:fs';
import { mkdtemp, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { MillraceError } from '@millrace/contracts';

/** The networks rounded to whole numbers, without those of the old engine. */
const variant = '4.0.0_best_int';

/** The data of a language that is installed with the program, or null: nothing is downloaded. */
function dataOf(language: string): string | null {
  try {
    const installed = require.resolve(`@tesseract.js-data/${language}/package.json`);
    const file = join(dirname(installed), variant, `${language}.traineddata.gz`);
    // Looked for first: of a thread that finds nothing to load, Tesseract gives no handle to end it by.
    return existsSync(file) ? file : null;
  } catch {
    return null;
  }
}

/** @throws MillraceError SETUP_INVALID naming the languages that are not installed and the command that adds them. */
export function checkLanguages(languages: readonly string[]): void {
  const missing = languages.filter((language) => dataOf(language) === null);
  if (missing.length > 0) {
    const packages = missing.map((language) => `@tesseract.js-data/${language}@1.0.0`).join(' ');
    throw new MillraceError(
      'SETUP_INVALID',
      `OCR_LANGUAGES names ${missing.join(', ')}, whose data is not installed. ` +
        `Install it: npx -y pnpm@12.21.0 --filter @millrace/pdf add ${packages}`,
    );
  }
}

/**
 * Hands `use` the one folder in which Tesseract looks for the data of all languages.
 * @throws Error when a language is not installed.
 */
export async function withLanguageData<T>(
  languages: readonly string[],
  use: (folder: string) => Promise<T>,
): Promise<T> {
  const files = languages.map((language) => {
    const file = dataOf(language);
    if (file === null) {
      throw new Error(`The data of the language ${language} is not installed.`);
    }
    return file;
  });
  const [first, ...others] = files;
  if (first !== undefined && others.length === 0) {
    return use(dirname(first));
  }
  const folder = await mkdtemp(join(tmpdir(), 'millrace-ocr-'));
  try {
    await Promise.all(files.map((file) => symlink(file, join(folder, basename(file)))));
    return await use(folder);
  } finally {
    await rm(folder, { recursive: true });
  }
}
