import type { StackContext } from '@millrace/stack';

/** Lists what a user can open, and where the API key is. */
export function describeAccess({ environment, stateDir }: StackContext, apiUrl: string): string {
  const key = environment.MILLRACE_API_KEY ? 'MILLRACE_API_KEY' : `${stateDir}/api-key`;
  return [
    `  API             ${apiUrl}/api/v1`,
    `  API reference   ${apiUrl}/docs`,
    `  Queues          ${apiUrl}/admin/queues`,
    `  The API key is in ${key}. In a browser, sign in with it.`,
  ].join('\n');
}
