import { join } from 'node:path';
import type { TaskProtocol } from '@millrace/process-pool';

/** The messages to and from the process that removes passwords. See unlockPdf. */
export interface UnlockProtocol extends TaskProtocol {
  request: { source: string; password: string; target: string };
  message: never;
  step: never;
  /** True when the copy was written. */
  result: boolean;
}

/** The program of that process: the compiled one, even where this file runs uncompiled, as in tests. */
export const unlockProgram = join(__dirname, '../../dist/unlock/unlockProcess.js');
