import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ChunkStrategy, OcrMode } from '@millrace/contracts';
import type { RewriteLimits } from '@millrace/pdf';
import { testReading } from '@millrace/test-support';
import { type ParsedDocument, type ParseOptions, parseDocument } from '../src/parseDocument';
import type { OcrSettings, ReaderPool } from '../src/parseProtocol';
import { type PoolOptions, readerPool } from './readerPool';

type HarnessOptions = Partial<ParseOptions> & {
  ocr?: Partial<OcrSettings>;
  mode?: OcrMode;
  strategy?: ChunkStrategy;
  mimeType?: string;
  pages?: number[];
  unreadFiles?: number[];
  rewrite?: RewriteLimits;
};

/** Makes reader pools for a test, parses documents in them and removes everything afterwards. */
export class ReadingHarness {
  private readonly pools: ReaderPool[] = [];

  private constructor(private readonly folder: string) {}

  static async create(): Promise<ReadingHarness> {
    return new ReadingHarness(await mkdtemp(join(tmpdir(), 'millrace-reading-')));
  }

  pool(options: PoolOptions = {}): ReaderPool {
    const pool = readerPool(options);
    this.pools.push(pool);
    return pool;
  }

  async write(bytes: Buffer): Promise<string> {
    const path = join(this.folder, `${Math.random()}.pdf`);
    await writeFile(path, bytes);
    return path;
  }

  async parse(pool: ReaderPool, bytes: Buffer, options: HarnessOptions = {}): Promise<ParsedDocument> {
    return this.parseFile(pool, await this.write(bytes), options);
  }

  parseFile(pool: ReaderPool, path: string, options: HarnessOptions = {}): Promise<ParsedDocument> {
    const {
      ocr,
      mode = 'auto',
      strategy = testReading.strategy,
      pages = null,
      unreadFiles = [],
      rewrite,
      ...rest
    } = options;
    const { mimeType = 'application/pdf', ...parseOptions } = rest;
    const request = {
      path,
      mimeType,
      maxPages: 10_000,
      pages,
      unreadFiles,
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
