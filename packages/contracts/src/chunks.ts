import { z } from 'zod';

/** A rectangle on a page, as fractions (0 to 1) of the page's width and height, from the top left corner. */
export const boxSchema = z.object({
  page: z.int().min(1).describe('The page, from 1.'),
  x0: z.number().describe('The left edge, as a fraction (0 to 1) of the width of the page.'),
  y0: z.number().describe('The top edge, as a fraction (0 to 1) of the height of the page, from the top.'),
  x1: z.number().describe('The right edge, as x0.'),
  y1: z.number().describe('The bottom edge, as y0.'),
});
export type Box = z.infer<typeof boxSchema>;

/** One chunk of a document as the chunker makes it, without a vector. */
export interface Chunk {
  /** The position in the document, from 0. */
  index: number;
  text: string;
  tokenCount: number;
  /** The first and the last page of the text, from 1. */
  pageStart: number;
  pageEnd: number;
  /** The path of headings above the text ("Item 7 > Liquidity"), or null when unknown. */
  section: string | null;
  /** The places of the text: one box per block and page. */
  coordinates: Box[];
  /** True when the text begins with an overlap, which repeats the end of the chunk before. */
  hasOverlap: boolean;
  contentHash: string;
  chunkHash: string;
}

/** The column `payload` of a job chunk, which is kept until the chunk is a success. */
export type ChunkPayload = Pick<Chunk, 'text' | 'tokenCount' | 'section' | 'coordinates'>;
