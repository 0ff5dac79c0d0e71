/** How an accepted kind of file is recognized. */
interface MediaTypeTraits {
  /** True for kinds of text: their bytes look alike, so the name that the client gives decides between them. */
  isText: boolean;
  /** What tells a kind that is not text: ASCII bytes within the first bytes of the file. It is null for texts. */
  signature: { bytes: string; within: number } | null;
  /** The kind in an error message, with its article. */
  noun: string;
  /** Other names that clients give to this content type. */
  aliases: readonly string[];
  /** Endings of file names. A file without a name gets the first. */
  extensions: readonly [string, ...string[]];
}

/** The kinds of files that are accepted. Each has a reader in the chunker's table of readers. */
export const mediaTypes = {
  'application/pdf': {
    isText: false,
    // The header of a PDF may follow other bytes, within the first 1,024 (ISO 32000-2, annex on older files).
    signature: { bytes: '%PDF-', within: 1024 },
    noun: 'a PDF',
    aliases: [],
    extensions: ['.pdf'],
  },
  'text/plain': {
    isText: true,
    signature: null,
    noun: 'a text',
    // Subtitles are plain text, too.
    aliases: ['text/vtt', 'text/srt', 'application/x-subrip'],
    extensions: ['.txt', '.text', '.srt', '.vtt'],
  },
  'text/markdown': {
    isText: true,
    signature: null,
    noun: 'a Markdown text',
    aliases: ['text/x-markdown'],
    extensions: ['.md', '.markdown'],
  },
  'text/html': {
    isText: true,
    signature: null,
    noun: 'an HTML text',
    aliases: ['application/xhtml+xml'],
    extensions: ['.html', '.htm', '.xhtml'],
  },
} as const satisfies Record<string, MediaTypeTraits>;

export type MediaType = keyof typeof mediaTypes;

/** Every accepted type, without parameters. */
export const acceptedTypes = Object.keys(mediaTypes) as MediaType[];
