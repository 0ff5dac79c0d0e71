/** What a benchmark gets from the command line. */
export interface Options {
  environment: NodeJS.ProcessEnv;
  /** The folder of PDFs; those that the project makes when left out. */
  files: string | undefined;
  books: number;
  quick: boolean;
  rows: number;
  /** Names of vector indexes. */
  kinds: readonly string[] | undefined;
  /** The word after the benchmark's name. */
  action: string | undefined;
}
