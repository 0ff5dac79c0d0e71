import type { TaskProtocol } from '@millrace/process-pool';

/** What the process that writes broken PDFs anew is asked and answers. See rewritePdf. */
export interface RewriteProtocol extends TaskProtocol {
  /** The file's path. */
  request: string;
  /** A piece of the new file; the pieces come in order. */
  message: Uint8Array;
  step: never;
  result: undefined;
}
