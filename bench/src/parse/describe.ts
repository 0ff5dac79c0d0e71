import type { BenchmarkResult } from '../report';
import { percentile } from '../statistics';
import type { PageAgreement } from './agreement';
import type { OcrPage } from './ocr';
import type { PdftotextTime } from './pdftotext';
import type { Pass } from './reader';

/** What one round measured: the files by pdftotext and twice by one process, then twice by two processes at once. */
export interface Round {
  pdftotext: PdftotextTime;
  cold: Pass;
  warm: Pass;
  pair: Pass[][];
}

export interface LargePdf {
  bytes: number;
  pass: Pass;
}

export interface Measured {
  /** Of pdftotext. */
  version: string;
  files: number;
  rounds: Round[];
  agreed: PageAgreement[];
  large: LargePdf;
  recognized: OcrPage[];
}

/** Pages that agree less than this are named. */
const goodF1 = 0.99;
const mostNamed = 40;

export function describe({ version, files, rounds, agreed, large, recognized }: Measured): BenchmarkResult {
  const pages = rounds[0]?.cold.pages ?? 0;
  const of = (figure: (round: Round) => number) => percentile(rounds.map(figure), 50);
  const speed = (pass: (round: Round) => Pass) => of((round) => pages / pass(round).seconds);
  const pairSpeed = (pass: number) => of((round) => pairPages(round, pass) / pairSeconds(round, pass));
  const ratio = (pass: (round: Round) => Pass) => of((round) => round.pdftotext.seconds / pass(round).seconds);
  const cpuRatio = (pass: (round: Round) => Pass) => of((round) => round.pdftotext.cpuSeconds / pass(round).cpuSeconds);
  const pairRatio = (pass: number) =>
    of((r) => (r.pdftotext.seconds / pages) * (pairPages(r, pass) / pairSeconds(r, pass)));
  const cold = ({ cold }: Round) => cold;
  const warm = ({ warm }: Round) => warm;
  const f1 = mean(agreed.map((page) => page.f1));
  const below = agreed.filter((page) => page.f1 < goodF1).sort((a, b) => a.f1 - b.f1);
  const peak = Math.max(...rounds.flatMap(({ warm, pair }) => [warm, ...pair.flat()]).map((pass) => pass.peakMiB));
  const figures = {
    pages,
    pages_per_second: speed(cold),
    pages_per_second_warm: speed(warm),
    pages_per_second_two_processes: pairSpeed(0),
    pages_per_second_two_processes_warm: pairSpeed(1),
    pdftotext_pages_per_second: of((round) => pages / round.pdftotext.seconds),
    ratio_to_pdftotext: ratio(cold),
    ratio_to_pdftotext_warm: ratio(warm),
    ratio_to_pdftotext_two_processes: pairRatio(0),
    ratio_to_pdftotext_two_processes_warm: pairRatio(1),
    cpu_ratio_to_pdftotext: cpuRatio(cold),
    cpu_ratio_to_pdftotext_warm: cpuRatio(warm),
    peak_memory_mb: peak,
    word_f1: f1,
    pages_below_099: below.length,
    large_pages: large.pass.pages,
    large_megabytes: large.bytes / 1e6,
    large_seconds: large.pass.seconds,
    large_peak_memory_mb: large.pass.peakMiB,
    ocr_pages: recognized.length,
    ocr_seconds_per_page: mean(recognized.map((page) => page.seconds)),
    ocr_cpu_seconds_per_page: mean(recognized.map((page) => page.cpuSeconds)),
    ocr_word_f1: mean(recognized.map((page) => page.f1)),
  };
  const both = (first: number, second: number, digits: number) =>
    `${first.toFixed(digits)} cold, ${second.toFixed(digits)} warm`;
  const table: [string, string][] = [
    ['files, pages', `${files}, ${pages}`],
    [`pdftotext ${version} -bbox-layout, one core, pages/s`, figures.pdftotext_pages_per_second.toFixed(0)],
    ['one core, pages/s', both(figures.pages_per_second, figures.pages_per_second_warm, 0)],
    ['  times pdftotext', both(figures.ratio_to_pdftotext, figures.ratio_to_pdftotext_warm, 2)],
    ['  the same by processor time', both(figures.cpu_ratio_to_pdftotext, figures.cpu_ratio_to_pdftotext_warm, 2)],
    [
      'two processes on two cores, pages/s',
      both(figures.pages_per_second_two_processes, figures.pages_per_second_two_processes_warm, 0),
    ],
    [
      '  times pdftotext on one core',
      both(figures.ratio_to_pdftotext_two_processes, figures.ratio_to_pdftotext_two_processes_warm, 2),
    ],
    ['peak memory of a process, MiB', peak.toFixed(0)],
    [
      `PDF of ${large.pass.pages} pages, ${figures.large_megabytes.toFixed(0)} MB`,
      `${large.pass.seconds.toFixed(1)} s, peak memory ${large.pass.peakMiB.toFixed(0)} MiB`,
    ],
    [
      `OCR of ${recognized.length} dense pages at 200 dpi, s per page`,
      `${figures.ocr_seconds_per_page.toFixed(1)} (processor time ${figures.ocr_cpu_seconds_per_page.toFixed(1)}), word F1 with their text ${figures.ocr_word_f1.toFixed(3)}`,
    ],
    [`word F1 with pdftotext, mean of ${agreed.length} pages with text`, f1.toFixed(4)],
    [`pages below ${goodF1}`, String(below.length)],
    ...below
      .slice(0, mostNamed)
      .map(({ file, page, f1: value }): [string, string] => [`  ${file} ${page}`, value.toFixed(3)]),
  ];
  return { table, figures };
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

/** Two processes count from the start of both until the slower one is done. */
function pairSeconds(round: Round, pass: number): number {
  return Math.max(...round.pair.map((passes) => passes[pass]?.seconds ?? Number.NaN));
}

function pairPages(round: Round, pass: number): number {
  return round.pair.reduce((sum, passes) => sum + (passes[pass]?.pages ?? 0), 0);
}
