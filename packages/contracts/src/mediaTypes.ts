/** What tells a kind of file that is accepted. */
interface MediaTypeNames {
  /** True for kinds of text: their bytes look alike, so the name that the client gives decides between them. */
  isText: boolean;
  /** Other names that clients give to this content type. */
  aliases: readonly string[];
  /** Endings of file names. A file without a name gets the first. */
  extensions: readonly [string, ...string[]];
}

/** The kinds of files that are accepted. Each has a reader in the chunker's table of readers. */
export const mediaTypes = {
  'application/pdf': { isText: false, aliases: [], extensions: ['.pdf'] },
  'text/plain': { isText: true, aliases: [], extensions: ['.txt', '.text'] },
  'text/markdown': { isText: true, aliases: ['text/x-markdown'], extensions: ['.md', '.markdown'] },
  'text/html': { isText: true, aliases: ['application/xhtml+xml'], extensions: ['.html', '.htm', '.xhtml'] },
} as const satisfies Record<string, MediaTypeNames>;

export type MediaType = keyof typeof mediaTypes;

/** Every accepted type, without parameters. */
export const acceptedTypes = Object.keys(mediaTypes) as MediaType[];
