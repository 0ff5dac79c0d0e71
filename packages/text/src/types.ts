/** The kinds of text that are read, by their media types. */
export const textTypes = ['text/plain', 'text/markdown', 'text/html'] as const;
export type TextType = (typeof textTypes)[number];

/** The kind of text that a media type, with or without parameters, names; null for any other. */
export function textTypeOf(mediaType: string): TextType | null {
  const [essence] = mediaType.split(';');
  return textTypes.find((type) => type === essence) ?? null;
}

/** A line, paragraph, list item or table row. Text has no place on a page, so its box is empty. */
export interface TextLine {
  /** Cells of a table row are separated by a tab. Never empty, never holds a line break. */
  text: string;
  x0: 0;
  y0: 0;
  x1: 0;
  y1: 0;
  /** Points: what a browser would show. */
  fontSize: number;
  bold: boolean;
  /** 1 to 6 for a heading. */
  headingLevel?: number;
}

/** A page that a form feed ends, or some three thousand characters. */
export interface TextPage {
  /** From 1. */
  page: number;
  width: 0;
  height: 0;
  lines: TextLine[];
}

/** What a reader finds, in order: a line, or the end of a page. */
export type Piece = { text: string; headingLevel?: number } | 'page break';

/** A piece of text is never much longer than this, however long its paragraph is. */
export const maxPiece = 20_000;

/** A longer title is cut. */
export const maxTitle = 1_000;
