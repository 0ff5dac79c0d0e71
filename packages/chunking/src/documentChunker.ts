import { type BlockKind, type Chunk, chunkHashOf, contentHashOf } from '@millrace/contracts';
import { boxesOf } from './packing/boxes';
import { type PackedChunk, Packer } from './packing/packer';
import { TokenCounter } from './packing/tokens';
import { textOf, type Word } from './packing/word';
import { WordSplitter } from './packing/wordSplitter';
import { type CleanedPage, RunningLines } from './runningLines/runningLines';
import { kindOf } from './structure/block';
import { BlockBuilder } from './structure/blocks';
import { BodyStyle } from './structure/bodyStyle';
import type { SectionNamer } from './structure/sectionNamer';
import { pathInPart, shortTitle } from './structure/sectionPath';
import { markSectionStarts, sectionNamer } from './structure/sections';
import { type ChunkOptions, type ChunkPage, type DocumentPart, minMaxTokens } from './types';

/** The cache is shared by all documents of a process, because they share most of their words. */
const tokens = new TokenCounter();

/**
 * Cuts a document into chunks, page by page. It holds a few pages and the text of the next chunk. A page goes through four
 * steps: running lines are removed, lines become blocks, blocks get their sections, and their words are packed into chunks.
 * The result depends on the pages alone, not on how many come at once.
 */
export class DocumentChunker {
  private runningLines = new RunningLines();
  private body = new BodyStyle();
  private blockBuilder = new BlockBuilder();
  private sections: SectionNamer;
  private readonly splitter: WordSplitter;
  private readonly packer: Packer;
  private readonly occurrences = new Map<string, number>();
  private index = 0;
  private lastPage = 0;
  private section: string | null = null;
  private part: string | null = null;

  /** @throws RangeError when the limits are out of range. */
  constructor(private readonly options: ChunkOptions) {
    const { strategy = 'structure', maxTokens, overlapTokens, outline } = options;
    if (!Number.isInteger(maxTokens) || maxTokens < minMaxTokens) {
      throw new RangeError(`maxTokens must be a whole number of at least ${minMaxTokens}, not ${maxTokens}.`);
    }
    if (!Number.isInteger(overlapTokens) || overlapTokens < 0 || overlapTokens > maxTokens / 2) {
      throw new RangeError(`overlapTokens must be a whole number from 0 to half of maxTokens, not ${overlapTokens}.`);
    }
    this.packer = new Packer(tokens, { strategy, maxTokens, overlapTokens });
    this.splitter = new WordSplitter(tokens, strategy, Math.floor(maxTokens / 4));
    this.sections = sectionNamer(outline);
  }

  /** Takes the next page. Returns the chunks that are now complete: no later page can change them. */
  addPage(page: ChunkPage): Chunk[] {
    this.body.add(page);
    const cleaned = this.runningLines.add(page);
    return cleaned === null ? [] : this.read(cleaned);
  }

  /**
   * Begins a part of the document, such as an attached file. The part's name is the outermost section of all its chunks. No
   * chunk has text of two parts. Returns the remaining chunks of the part before.
   */
  startPart({ name, outline }: DocumentPart): Chunk[] {
    const chunks = this.finish();
    this.runningLines = new RunningLines();
    this.body = new BodyStyle();
    this.blockBuilder = new BlockBuilder();
    this.sections = sectionNamer(outline);
    this.section = null;
    this.part = shortTitle(name);
    return chunks;
  }

  /** Returns the remaining chunks. Call it once, after the last page. */
  finish(): Chunk[] {
    const chunks: Chunk[] = [];
    for (let cleaned = this.runningLines.next(); cleaned !== null; cleaned = this.runningLines.next()) {
      chunks.push(...this.read(cleaned));
    }
    chunks.push(...this.takeChunks({ isFinal: true }));
    return chunks;
  }

  private read({ page, leftOut }: CleanedPage): Chunk[] {
    const blocks = this.blockBuilder.build(page, this.body, this.sections.blockStarts(page));
    this.sections.setSections(page, blocks);
    this.section = markSectionStarts(blocks, this.section);
    const chunks = this.passesUnwanted(page.page) ? this.takeChunks({ isFinal: true }) : [];
    if (this.isWanted(page.page)) {
      for (const line of leftOut) {
        this.options.onLeftOut?.(page.page, line);
      }
      for (const block of blocks) {
        this.packer.add(this.splitter.split(block));
      }
    }
    chunks.push(...this.takeChunks({ isFinal: false }));
    return chunks;
  }

  private isWanted(page: number): boolean {
    return this.options.wanted?.has(page) ?? true;
  }

  /** True when this page, or a page between the last one and it, is not wanted. */
  private passesUnwanted(page: number): boolean {
    let passes = false;
    for (let at = this.lastPage + 1; at <= page; at++) {
      passes ||= !this.isWanted(at);
    }
    this.lastPage = page;
    return passes;
  }

  private takeChunks({ isFinal }: { isFinal: boolean }): Chunk[] {
    return this.packer.take(isFinal).map((packed) => this.chunkOf(packed));
  }

  private chunkOf({ words, repeated, tokens }: PackedChunk): Chunk {
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
      section: pathInPart(this.part, mainSection(words.slice(repeated))),
      coordinates: boxesOf(words),
      blocks: kindsOf(words.slice(repeated)),
      hasOverlap: repeated > 0,
      contentHash,
      chunkHash: chunkHashOf(contentHash, occurrence),
    };
  }
}

/** Returns the kinds of the words' blocks, each once, in the order of the text. */
function kindsOf(words: readonly Word[]): BlockKind[] {
  return [...new Set(words.map(({ block }) => kindOf(block)))];
}

/** Returns the section that has the most words of text, or of headings when there is no text. The first one wins a tie. */
function mainSection(words: readonly Word[]): string | null {
  const counts = new Map<string | null, number>();
  const text = words.filter(({ block }) => !block.isHeading);
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
 * @throws RangeError when the limits are out of range.
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
