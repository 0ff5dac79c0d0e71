import { existsSync } from 'node:fs';
import { mkdtemp, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { MillraceError } from '@millrace/contracts';

/** The models with integer weights, without those of Tesseract's legacy engine. */
const variant = '4.0.0_best_int';

/** The path of an installed language's data, or null. Nothing is downloaded. */
function dataOf(language: string): string | null {
  try {
    const installed = require.resolve(`@tesseract.js-data/${language}/package.json`);
    const file = join(dirname(installed), variant, `${language}.traineddata.gz`);
    // The file must exist: tesseract.js gives no handle to end a thread that finds no data.
    return existsSync(file) ? file : null;
  } catch {
    return null;
  }
}

/**
 * Checks that the data of all languages is installed.
 * @throws MillraceError SETUP_INVALID, which names the missing languages and the command that installs them.
 */
export function checkLanguages(languages: readonly string[]): void {
  const missing = languages.filter((language) => dataOf(language) === null);
  if (missing.length > 0) {
    const packages = missing.map((language) => `@tesseract.js-data/${language}@1.0.0`).join(' ');
    throw new MillraceError(
      'SETUP_INVALID',
      `OCR_LANGUAGES names ${missing.join(', ')}, whose data is not installed. ` +
        `Install it: "npx -y pnpm@12.21.0 --filter @millrace/pdf add ${packages}".`,
    );
  }
}

/**
 * Calls `use` with a folder that contains the data of all languages. Tesseract takes only one folder.
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
