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

/** The kinds of blocks that a text is made of. */
export const blockKind = z.enum(['heading', 'paragraph', 'list', 'table', 'code']);
export type BlockKind = z.infer<typeof blockKind>;

/** The column `metadata` of a document chunk. A member that is not known is left out. */
export const chunkMetadataSchema = z.object({
  title: z.string().optional().describe('The title in the file.'),
  page_label_start: z
    .string()
    .optional()
    .meta({
      description: "The document's own name of the first page.",
      examples: ['iv'],
    }),
  page_label_end: z.string().optional().describe("The document's own name of the last page."),
  blocks: z
    .array(blockKind)
    .optional()
    .describe('The kinds of blocks that the text is made of, each once, in the order of the text.'),
});
export type ChunkMetadata = z.infer<typeof chunkMetadataSchema>;

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
  /** The kinds of blocks of the text, each once. The overlap does not count. */
  blocks: BlockKind[];
  /** True when the text begins with an overlap, which repeats the end of the chunk before. */
  hasOverlap: boolean;
  contentHash: string;
  chunkHash: string;
}

/** The column `payload` of a job chunk, which is kept until the chunk is a success. */
export type ChunkPayload = Pick<Chunk, 'text' | 'tokenCount' | 'section' | 'coordinates'> & {
  /** None in a payload of the version before. */
  metadata?: ChunkMetadata;
};
