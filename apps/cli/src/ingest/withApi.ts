import {
  ApiClient,
  findRunningStack,
  type StackContext,
  startLocalStack,
  untilAborted,
  withInterrupt,
} from '@millrace/stack';

/** The API of this checkout. */
export interface Api {
  client: ApiClient;
  url: string;
  /** True when another command keeps it running. */
  wasRunning: boolean;
  signal: AbortSignal;
}

/**
 * Runs `work` with the API of the stack that runs in this checkout. When none runs, it is started, and stopped
 * afterwards.
 * @throws Interrupted when the user asked to stop
 */
export async function withApi(context: StackContext, work: (api: Api) => Promise<void>): Promise<void> {
  await withInterrupt(context.print, async (signal) => {
    const running = await findRunningStack(context);
    if (running) {
      context.print('Using the stack that is running in this checkout.');
    }
    const started = running ? undefined : await startLocalStack(context, signal);
    const { apiUrl: url, apiKey } = running ?? started ?? { apiUrl: '', apiKey: '' };
    try {
      const api = { client: new ApiClient(url, apiKey), url, wasRunning: started === undefined, signal };
      await untilAborted(work(api), signal);
    } finally {
      if (started) {
        context.print('\nStopping what was started; the data stays ...');
        await started.stop();
      }
    }
  });
}
