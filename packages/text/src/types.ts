import { acceptedTypes, type MediaType, mediaTypes } from '@millrace/contracts';

type TextTypes = { [Type in MediaType]: (typeof mediaTypes)[Type]['isText'] extends true ? Type : never };
export type TextType = TextTypes[MediaType];

/** The accepted media types of text. All of them can be read. */
export const textTypes = acceptedTypes.filter((type): type is TextType => mediaTypes[type].isText);

/** The text type that a media type names, with or without parameters. Null for any other media type. */
export function textTypeOf(mediaType: string): TextType | null {
  const [essence] = mediaType.split(';');
  return textTypes.find((type) => type === essence) ?? null;
}

/** A paragraph, a list item, a table row or a line of code. Text has no place on a page, so its box is 0. */
export interface TextLine {
  /**
   * A tab separates the cells of a table row; an empty cell leaves two tabs in a row. It contains no line break, and is
   * empty only for an empty line between lines of code.
   */
  text: string;
  x0: 0;
  y0: 0;
  x1: 0;
  y1: 0;
  /** The size in which browsers show the line, in points. */
  fontSize: number;
  bold: boolean;
  /** 1 to 6 for a heading. */
  headingLevel?: number;
  /** True for a line of code: its white space is kept. */
  preformatted?: boolean;
}

/** A page. It ends at a form feed, or after at most 3,000 characters in a text without form feeds. */
export interface TextPage {
  /** From 1. */
  page: number;
  width: 0;
  height: 0;
  lines: TextLine[];
}

/**
 * A part of the text that a reader returns, in order: the text of a line, the cells of a table row, a line of code (which
 * may be empty), or the end of a page.
 */
export type Piece =
  | { text: string; headingLevel?: number }
  | { cells: readonly string[] }
  | { code: string }
  | 'page break';

/** The text of a piece is at most about this long, in characters. A longer paragraph becomes several pieces. */
export const maxPieceLength = 20_000;

/** A longer title is cut, in characters. */
export const maxTitleLength = 1_000;
