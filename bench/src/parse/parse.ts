import { statSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { writeLargePdf } from '@millrace/test-support';
import { root } from '../benchStack';
import { withCleanUp } from '../cleanUp';
import { pdfsIn } from '../pdfsIn';
import { Prose } from '../prose';
import type { BenchmarkResult } from '../report';
import { agreement } from './agreement';
import { describe, type LargePdf, type Round } from './describe';
import { ocr } from './ocr';
import { readOnCore } from './onCore';
import { requirePdftotext, timePdftotext } from './pdftotext';

const core = 0;
const otherCore = 1;
const rounds = 3;
const largePages = 5_000;
const linesPerPage = 40;
const wordsPerLine = 12;

/**
 * Reads every PDF of a folder (text, and boxes of lines) beside `pdftotext -bbox-layout` on the same core: in a process
 * that has just started, and again in the same process; then two processes at once on two cores. The rounds alternate
 * between the two programs, so that both meet the same machine. Then how far the words agree page by page, and the
 * memory that a PDF of 5,000 pages and 300 MB takes, and what OCR of a few dense pages costs.
 */
export async function parse(folder: string, quick: boolean): Promise<BenchmarkResult> {
  const version = requirePdftotext();
  const all = pdfsIn(resolve(root, folder));
  const files = quick ? smallest(all) : all;
  const measured: Round[] = [];
  for (let round = 0; round < (quick ? 1 : rounds); round++) {
    measured.push(await measure(files));
  }
  const agreed = await agreement(files);
  const large = await readLargePdf(quick ? largePages / 10 : largePages);
  const recognized = await ocr(quick ? files : files.slice(0, 3), quick ? 1 : 3);
  return describe({ version, files: files.length, rounds: measured, agreed, large, recognized });
}

function smallest(files: readonly string[]): string[] {
  const bySize = [...files].sort((a, b) => statSync(a).size - statSync(b).size);
  return bySize.slice(0, 1);
}

async function measure(files: readonly string[]): Promise<Round> {
  const pdftotext = await timePdftotext(core, files);
  const [cold, warm] = await readOnCore(core, 2, files);
  const pair = await Promise.all([core, otherCore].map((each) => readOnCore(each, 2, files)));
  if (cold === undefined || warm === undefined) {
    throw new Error('The reading program printed less than two passes.');
  }
  return { pdftotext, cold, warm, pair };
}

async function readLargePdf(pages: number): Promise<LargePdf> {
  const folder = await mkdtemp(join(tmpdir(), 'millrace-bench-'));
  return withCleanUp(
    async () => {
      const path = join(folder, 'large.pdf');
      const prose = new Prose(1);
      const bytes = await writeLargePdf(path, pages, () =>
        Array.from({ length: linesPerPage }, () => prose.passage(wordsPerLine)),
      );
      const [pass] = await readOnCore(core, 1, [path]);
      if (pass === undefined) {
        throw new Error('The reading program printed nothing about the large PDF.');
      }
      return { bytes, pass };
    },
    () => rm(folder, { recursive: true, force: true }),
  );
}
