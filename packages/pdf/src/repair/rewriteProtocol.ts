import type { TaskProtocol } from '@millrace/process-pool';

/** The messages to and from the process that rewrites broken PDFs. See rewritePdf. */
export interface RewriteProtocol extends TaskProtocol {
  /** The file's path. */
  request: string;
  /** A piece of the new file; the pieces come in order. */
  message: Uint8Array;
  step: never;
  result: undefined;
}
