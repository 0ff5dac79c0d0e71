import { join } from 'node:path';
import { writeLargePdf } from '@millrace/test-support';
import { withFolder } from '../cleanUp';
import type { Options } from '../options';
import { inputPdfs } from '../pdfs';
import { Prose } from '../prose';
import type { BenchmarkResult, Figures } from '../report';
import { mean, medianOf, sum } from '../statistics';
import { agreement, type PageAgreement } from './agreement';
import { ocr } from './ocr';
import { readOnCore } from './onCore';
import { type PdftotextTime, requirePdftotext, timePdftotext } from './pdftotext';
import type { Pass } from './reader';

const core = 0;
const otherCore = 1;
const rounds = 3;
const largePages = 5_000;
const linesPerPage = 40;
const wordsPerLine = 12;

/** Pages that agree less than this are printed. */
const goodF1 = 0.99;
const maxPrinted = 40;

/** One round: pdftotext, one process twice (cold, then warm), and two processes at once twice. */
interface Round {
  pages: number;
  pdftotext: PdftotextTime;
  cold: Pass;
  warm: Pass;
  pairs: Pass[][];
}

/**
 * Reads every PDF of a folder (text, and boxes of lines) beside `pdftotext -bbox-layout` on the same core, in rounds that
 * alternate, so that both meet the same machine. Then it compares the words page by page, and measures a PDF of 5,000 pages
 * and 300 MB, and OCR of a few dense pages.
 */
export async function parse({ files: folder, quick }: Options): Promise<BenchmarkResult> {
  const version = requirePdftotext();
  const files = await inputPdfs(folder, quick ? 1 : undefined);
  const measured: Round[] = [];
  for (let round = 0; round < (quick ? 1 : rounds); round += 1) {
    measured.push(await measureRound(files));
  }
  const agreed = await agreement(files);
  const large = await readLargePdf(quick ? largePages / 10 : largePages);
  const recognized = await ocr(quick ? files : files.slice(0, 3), quick ? 1 : 3);
  const below = agreed.filter(({ f1 }) => f1 < goodF1).sort((a, b) => a.f1 - b.f1);
  return {
    figures: {
      files: files.length,
      ...describeRounds(measured),
      word_f1: mean(agreed.map(({ f1 }) => f1)),
      pages_with_text: agreed.length,
      pages_below_099: below.length,
      ...large,
      ocr_pages: recognized.length,
      ocr_seconds_per_page: mean(recognized.map((page) => page.seconds)),
      ocr_cpu_seconds_per_page: mean(recognized.map((page) => page.cpuSeconds)),
      ocr_word_f1: mean(recognized.map((page) => page.f1)),
    },
    notes: below
      .slice(0, maxPrinted)
      .map(({ file, page, f1 }: PageAgreement) => `F1 ${f1.toFixed(3)}: ${file} ${page}`),
    conditions: { pdftotext: version },
  };
}

async function measureRound(files: readonly string[]): Promise<Round> {
  const pdftotext = await timePdftotext(core, files);
  const [cold, warm] = await readOnCore(core, 2, files);
  const pairs = await Promise.all([core, otherCore].map((each) => readOnCore(each, 2, files)));
  if (cold === undefined || warm === undefined) {
    throw new Error('The reading program printed less than two passes.');
  }
  return { pages: cold.pages, pdftotext, cold, warm, pairs };
}

function describeRounds(measured: readonly Round[]): Figures {
  const of = (figure: (round: Round) => number) => medianOf(measured, figure);
  // Two processes count from the start of both until the slower one is done.
  const pairSpeed = ({ pairs }: Round, pass: number) =>
    sum(pairs.map((passes) => passes[pass]?.pages ?? 0)) /
    Math.max(...pairs.map((passes) => passes[pass]?.seconds ?? Number.NaN));
  const theirSpeed = ({ pages, pdftotext }: Round) => pages / pdftotext.seconds;
  const figures: Figures = {
    pages: measured[0]?.pages ?? 0,
    pdftotext_pages_per_second: of(theirSpeed),
    peak_memory_mb: Math.max(
      ...measured.flatMap(({ warm, pairs }) => [warm, ...pairs.flat()]).map((pass) => pass.peakMiB),
    ),
  };
  for (const [n, pass] of (['cold', 'warm'] as const).entries()) {
    const suffix = pass === 'cold' ? '' : '_warm';
    Object.assign(figures, {
      [`pages_per_second${suffix}`]: of((round) => round.pages / round[pass].seconds),
      [`pages_per_second_two_processes${suffix}`]: of((round) => pairSpeed(round, n)),
      [`ratio_to_pdftotext${suffix}`]: of((round) => round.pdftotext.seconds / round[pass].seconds),
      [`ratio_to_pdftotext_two_processes${suffix}`]: of((round) => pairSpeed(round, n) / theirSpeed(round)),
      [`cpu_ratio_to_pdftotext${suffix}`]: of((round) => round.pdftotext.cpuSeconds / round[pass].cpuSeconds),
    });
  }
  return figures;
}

function readLargePdf(pages: number): Promise<Figures> {
  return withFolder(async (folder) => {
    const path = join(folder, 'large.pdf');
    const prose = new Prose(1);
    const bytes = await writeLargePdf(path, pages, () =>
      Array.from({ length: linesPerPage }, () => prose.passage(wordsPerLine)),
    );
    const [pass] = await readOnCore(core, 1, [path]);
    if (pass === undefined) {
      throw new Error('The reading program printed nothing about the large PDF.');
    }
    return {
      large_pages: pass.pages,
      large_megabytes: bytes / 1e6,
      large_seconds: pass.seconds,
      large_peak_memory_mb: pass.peakMiB,
    };
  });
}
