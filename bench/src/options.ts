/** What a benchmark gets from the command line. */
export interface Options {
  environment: NodeJS.ProcessEnv;
  /** The folder of PDFs. */
  files: string;
  books: number;
  quick: boolean;
  rows: number;
  /** Names of vector indexes. */
  kinds: readonly string[] | undefined;
  /** The word after the benchmark's name. */
  action: string | undefined;
}
