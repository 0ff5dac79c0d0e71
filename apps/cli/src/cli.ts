import { resolve } from 'node:path';
import type { StackContext } from '@millrace/stack';

/** One run of the command line. */
export interface Cli {
  readonly context: StackContext;
  /** A command sets it when it has done its work and the result is not good. */
  exitCode: number;
}

/** Resolves a path of the user. npm runs scripts in the checkout, and INIT_CWD is the folder of the user. */
export function userPath({ environment }: StackContext, path: string): string {
  return resolve(environment.INIT_CWD || process.cwd(), path);
}
