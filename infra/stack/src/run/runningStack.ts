import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { resolveApiKey } from '@millrace/config';
import { z } from 'zod';
import type { StackContext } from '../system/context';
import { readJson, writeAtomically } from '../system/files';
import { identifyProcess, isSameProcess } from '../system/lock';

/** The stack that `npm start` keeps running in this checkout, as STATE_DIR/stack.json describes it. */
const noteSchema = z.object({ pid: z.number(), identity: z.string(), apiUrl: z.string() });

function noteFile(context: StackContext): string {
  return join(context.stateDir, 'stack.json');
}

/** Records that this process keeps the stack running. @returns a function that removes the record */
export function recordStack(context: StackContext, apiUrl: string): () => void {
  const identity = identifyProcess(process.pid) ?? 'unknown';
  writeAtomically(noteFile(context), `${JSON.stringify({ pid: process.pid, identity, apiUrl }, null, 2)}\n`);
  return () => rmSync(noteFile(context), { force: true });
}

/** Returns the API of the stack that runs in this checkout, or undefined when none runs or it is not ready. */
export async function findRunningStack(context: StackContext): Promise<{ apiUrl: string; apiKey: string } | undefined> {
  const { data: note } = noteSchema.safeParse(readJson(noteFile(context)));
  if (!note || !isSameProcess(note.pid, note.identity)) {
    return undefined;
  }
  try {
    const response = await fetch(new URL('/readyz', note.apiUrl), { signal: AbortSignal.timeout(5_000) });
    if (response.status !== 200) {
      return undefined;
    }
  } catch {
    // That stack is starting or stopping. A second stack can run at the same time.
    return undefined;
  }
  const { MILLRACE_API_KEY } = context.environment;
  return { apiUrl: note.apiUrl, apiKey: resolveApiKey({ MILLRACE_API_KEY, STATE_DIR: context.stateDir }).key };
}
