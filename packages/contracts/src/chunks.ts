import { z } from 'zod';

/** A rectangle on a page: fractions (0 to 1) of the page's width and height from its top left corner. */
export const boxSchema = z.object({
  page: z.int().min(1),
  x0: z.number(),
  y0: z.number(),
  x1: z.number(),
  y1: z.number(),
});
export type Box = z.infer<typeof boxSchema>;

/** One chunk of a document as the chunker makes it, before it has a vector. */
export interface Chunk {
  /** Position within the document, from 0. */
  index: number;
  text: string;
  tokenCount: number;
  /** First and last page the text stands on, from 1. */
  pageStart: number;
  pageEnd: number;
  /** The heading path the text stands under ("Item 7 > Liquidity"), or null when unknown. */
  section: string | null;
  /** Where the text stands, one box per block and page. */
  coordinates: Box[];
  /** True when the text begins with an overlap repeated from the chunk before. */
  hasOverlap: boolean;
  contentHash: string;
  chunkHash: string;
}

/** What a job chunk's `payload` column holds until the chunk is a success. */
export const chunkPayloadSchema = z.object({
  text: z.string(),
  tokenCount: z.int().min(0),
  section: z.string().nullable(),
  coordinates: z.array(boxSchema),
});
export type ChunkPayload = z.infer<typeof chunkPayloadSchema>;
