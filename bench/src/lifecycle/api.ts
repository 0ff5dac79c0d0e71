import type { RunningStack } from '@millrace/stack';

/** Calls the API as a client does, and reads its whole answer. @throws Error for any status but the expected ones. */
export async function call<T>(stack: RunningStack, method: string, path: string, body?: unknown): Promise<T> {
  const response = await fetch(`${stack.apiUrl}/api/v1${path}`, {
    method,
    headers: { authorization: `Bearer ${stack.apiKey}`, ...(body ? { 'content-type': 'application/json' } : {}) },
    ...(body ? { body: JSON.stringify(body) } : {}),
  });
  const text = await response.text();
  if (!response.ok) {
    throw new Error(`${method} ${path} was answered with ${response.status}: ${text.slice(0, 500)}`);
  }
  return JSON.parse(text) as T;
}
