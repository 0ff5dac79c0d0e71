import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ChunkStrategy, OcrMode } from '@millrace/contracts';
import { ParserPool, type ParserPoolOptions, type RewriteLimits } from '@millrace/pdf';
import { testReading } from '@millrace/test-support';
import { type ParsedDocument, type ParseOptions, parseDocument } from '../src/parseDocument';
import type { OcrSettings } from '../src/parseProtocol';

type BenchOptions = Partial<ParseOptions> & {
  ocr?: Partial<OcrSettings>;
  mode?: OcrMode;
  strategy?: ChunkStrategy;
  mimeType?: string;
  pages?: number[];
  rewrite?: RewriteLimits;
};

/** Reads PDFs in pools of their own, with the limits that a test gives. */
export class ParserBench {
  private readonly pools: ParserPool[] = [];

  private constructor(private readonly folder: string) {}

  static async create(): Promise<ParserBench> {
    return new ParserBench(await mkdtemp(join(tmpdir(), 'millrace-parser-')));
  }

  pool(limits: Partial<ParserPoolOptions> = {}): ParserPool {
    const pool = new ParserPool({
      entry: join(__dirname, '../src/parseProcess.ts'),
      processes: 1,
      timeoutMs: 120_000,
      execArgv: ['-r', join(__dirname, '../../../tests/support/register.cjs')],
      ...limits,
    });
    this.pools.push(pool);
    return pool;
  }

  async write(bytes: Buffer): Promise<string> {
    const path = join(this.folder, `${Math.random()}.pdf`);
    await writeFile(path, bytes);
    return path;
  }

  async parse(pool: ParserPool, bytes: Buffer, options: BenchOptions = {}): Promise<ParsedDocument> {
    return this.parseFile(pool, await this.write(bytes), options);
  }

  parseFile(pool: ParserPool, path: string, options: BenchOptions = {}): Promise<ParsedDocument> {
    const { ocr, mode = 'auto', strategy = testReading.strategy, pages = null, rewrite, ...rest } = options;
    const { mimeType = 'application/pdf', ...parseOptions } = rest;
    const request = {
      path,
      mimeType,
      maxPages: 10_000,
      pages,
      reading: { ...testReading, strategy, ocr: mode },
      ocr: { languages: ['eng'], maxPages: 10, pageTimeoutMs: 60_000, totalMs: 600_000, ...ocr },
      rewrite,
    };
    return parseDocument(pool, request, { maxLostPages: 3, maxCharacters: 100_000_000, ...parseOptions });
  }

  async dispose(): Promise<void> {
    await Promise.all(this.pools.map((pool) => pool.close()));
    await rm(this.folder, { recursive: true, force: true });
  }
}
