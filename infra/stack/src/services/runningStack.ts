import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { resolveApiKey } from '@millrace/config';
import type { StackContext } from '../context';
import { readJson, writeAtomically } from '../files';
import { identifyProcess, isSameProcess } from '../lock';

/** The stack that `npm start` keeps running in this checkout, noted in STATE_DIR/stack.json. */
export interface StackNote {
  readonly pid: number;
  readonly identity: string;
  readonly apiUrl: string;
}

function isNote(value: unknown): value is StackNote {
  return (
    typeof value === 'object' &&
    value !== null &&
    'pid' in value &&
    typeof value.pid === 'number' &&
    'identity' in value &&
    typeof value.identity === 'string' &&
    'apiUrl' in value &&
    typeof value.apiUrl === 'string'
  );
}

function noteFile(context: StackContext): string {
  return join(context.stateDir, 'stack.json');
}

/** Notes that this process keeps the stack running; returns a function that takes the note away. */
export function noteStack(context: StackContext, apiUrl: string): () => void {
  const identity = identifyProcess(process.pid) ?? 'unknown';
  writeAtomically(noteFile(context), `${JSON.stringify({ pid: process.pid, identity, apiUrl }, null, 2)}\n`);
  return () => rmSync(noteFile(context), { force: true });
}

/** Returns the API of the stack that runs in this checkout; undefined when none does or it is not ready. */
export async function findRunningStack(context: StackContext): Promise<{ apiUrl: string; apiKey: string } | undefined> {
  const note = readJson(noteFile(context));
  if (!isNote(note) || !isSameProcess(note.pid, note.identity)) {
    return undefined;
  }
  try {
    const response = await fetch(new URL('/readyz', note.apiUrl), { signal: AbortSignal.timeout(5_000) });
    if (response.status !== 200) {
      return undefined;
    }
  } catch {
    // It is just starting or stopping; a stack of our own works beside it.
    return undefined;
  }
  const { MILLRACE_API_KEY } = context.environment;
  return { apiUrl: note.apiUrl, apiKey: resolveApiKey({ MILLRACE_API_KEY, STATE_DIR: context.stateDir }).key };
}
