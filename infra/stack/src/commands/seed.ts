import { ApiClient } from '../client/apiClient';
import { ingest } from '../client/ingest';
import type { StackContext } from '../context';
import { untilAborted, withInterrupt } from '../processes/interrupt';
import { sampleFiles } from '../samples/files';
import { startLocalStack } from '../services/localStack';
import { findRunningStack } from '../services/runningStack';

/**
 * `db seed`: puts the documents in samples/ through the whole pipeline, with the stack that runs or one for the purpose.
 * What is there already is not added again. Exit code 1 when a document is not whole.
 */
export async function seedCommand(context: StackContext): Promise<number> {
  return withInterrupt(context.say, async (signal) => {
    const running = await findRunningStack(context);
    const own = running ? undefined : await startLocalStack(context, signal);
    const { apiUrl, apiKey } = running ?? own ?? { apiUrl: '', apiKey: '' };
    try {
      const client = new ApiClient(apiUrl, apiKey);
      const options = { signal, isTerminal: process.stdout.isTTY === true, say: context.say };
      const summary = await untilAborted(ingest(client, sampleFiles(context.root), options), signal);
      context.say(`Seeded: ${summary.uploaded} documents new, ${summary.duplicates} already there.`);
      return summary.failed > 0 ? 1 : 0;
    } finally {
      await own?.stop();
    }
  });
}
