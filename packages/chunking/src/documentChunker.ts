import { type Chunk, chunkHashOf, contentHashOf } from '@millrace/contracts';
import { BlockMaker } from './blocks';
import { BodyText } from './bodyText';
import { boxesOf } from './boxes';
import { Packer, type Range, textOf } from './packer';
import type { SectionNamer } from './paths';
import { type CleanedPage, RunningLines } from './runningLines';
import { markStarts, sectionNamer } from './sections';
import { TokenCounter } from './tokens';
import { type ChunkOptions, type ChunkPage, minMaxTokens } from './types';
import { type Word, WordMaker } from './words';

/** One for all documents of a process: they share most of their words. */
const tokens = new TokenCounter();

/**
 * Cuts a document into chunks page by page, holding no more than a few pages and the text of the chunk in the making.
 * The same pages give the same chunks, whether they come at once or one by one.
 */
export class DocumentChunker {
  private readonly runningLines = new RunningLines();
  private readonly body = new BodyText();
  private readonly blockMaker = new BlockMaker();
  private readonly sections: SectionNamer;
  private readonly wordMaker: WordMaker;
  private readonly packer: Packer;
  private readonly occurrences = new Map<string, number>();
  private words: Word[] = [];
  private from = 0;
  private fresh = 0;
  private index = 0;
  private lastPage = 0;
  private section: string | null = null;

  /** @throws RangeError when the limits leave no room for text. */
  constructor(private readonly options: ChunkOptions) {
    const { strategy = 'structure', maxTokens, overlapTokens, outline } = options;
    if (!Number.isInteger(maxTokens) || maxTokens < minMaxTokens) {
      throw new RangeError(`maxTokens must be a whole number of at least ${minMaxTokens}, not ${maxTokens}.`);
    }
    if (!Number.isInteger(overlapTokens) || overlapTokens < 0 || overlapTokens > maxTokens / 2) {
      throw new RangeError(`overlapTokens must be a whole number from 0 to half of maxTokens, not ${overlapTokens}.`);
    }
    this.packer = new Packer(tokens, { strategy, maxTokens, overlapTokens });
    this.wordMaker = new WordMaker(tokens, strategy, Math.floor(maxTokens / 4));
    this.sections = sectionNamer(outline);
  }

  /** Takes the next page; gives the chunks that are now complete. */
  addPage(page: ChunkPage): Chunk[] {
    this.body.add(page);
    const cleaned = this.runningLines.add(page);
    return cleaned === null ? [] : this.read(cleaned);
  }

  /** Gives the remaining chunks. Call it once, after the last page. */
  finish(): Chunk[] {
    const chunks: Chunk[] = [];
    for (let cleaned = this.runningLines.next(); cleaned !== null; cleaned = this.runningLines.next()) {
      chunks.push(...this.read(cleaned));
    }
    chunks.push(...this.take(true));
    return chunks;
  }

  private read({ page, leftOut }: CleanedPage): Chunk[] {
    const blocks = this.blockMaker.blocksOf(page, this.body, this.sections.startsOn(page));
    this.sections.name(page, blocks);
    this.section = markStarts(blocks, this.section);
    const chunks = this.passesUnwanted(page.page) ? this.take(true) : [];
    if (this.isWanted(page.page)) {
      for (const line of leftOut) {
        this.options.onLeftOut?.(page.page, line);
      }
      for (const block of blocks) {
        this.wordMaker.add(block, this.words);
      }
    }
    chunks.push(...this.take(false));
    return chunks;
  }

  private isWanted(page: number): boolean {
    return this.options.wanted?.has(page) ?? true;
  }

  /** True when this page, or one that did not come between it and the last one, is not wanted. */
  private passesUnwanted(page: number): boolean {
    let passes = false;
    for (let at = this.lastPage + 1; at <= page; at++) {
      passes ||= !this.isWanted(at);
    }
    this.lastPage = page;
    return passes;
  }

  /** The chunks that are complete; all, and no overlap for the next one, when these words are final. */
  private take(final: boolean): Chunk[] {
    const chunks: Chunk[] = [];
    while (this.fresh < this.words.length) {
      const range = this.packer.next(this.words, this.from, this.fresh, final);
      if (range === null) {
        break;
      }
      chunks.push(this.chunkOf(range));
      this.fresh = range.to + 1;
      this.from = this.fresh < this.words.length ? this.packer.overlapStart(this.words, range) : this.fresh;
    }
    this.words = this.words.slice(this.from);
    this.fresh -= this.from;
    this.from = 0;
    return chunks;
  }

  private chunkOf({ from, fresh, to, tokens }: Range): Chunk {
    const words = this.words.slice(from, to + 1);
    const text = textOf(words);
    const contentHash = contentHashOf(text);
    const occurrence = this.occurrences.get(contentHash) ?? 0;
    this.occurrences.set(contentHash, occurrence + 1);
    return {
      index: this.index++,
      text,
      tokenCount: tokens,
      pageStart: words.at(0)?.block.page ?? 1,
      pageEnd: words.at(-1)?.block.page ?? 1,
      section: mainSection(words.slice(fresh - from)),
      coordinates: boxesOf(words),
      hasOverlap: from < fresh,
      contentHash,
      chunkHash: chunkHashOf(contentHash, occurrence),
    };
  }
}

/** The section most words of text stand under, or of headings when there is no text; the first of several. */
function mainSection(words: readonly Word[]): string | null {
  const counts = new Map<string | null, number>();
  const text = words.filter(({ block }) => !block.heading);
  let best: string | null = null;
  let most = 0;
  for (const { block } of text.length === 0 ? words : text) {
    counts.set(block.section, (counts.get(block.section) ?? 0) + 1);
  }
  for (const [section, count] of counts) {
    if (count > most) {
      most = count;
      best = section;
    }
  }
  return best;
}

/**
 * Cuts a whole document into chunks.
 * @param pages In ascending order.
 * @throws RangeError when the limits leave no room for text.
 */
export function chunkDocument(pages: Iterable<ChunkPage>, options: ChunkOptions): Chunk[] {
  const chunker = new DocumentChunker(options);
  const chunks: Chunk[] = [];
  for (const page of pages) {
    chunks.push(...chunker.addPage(page));
  }
  chunks.push(...chunker.finish());
  return chunks;
}
