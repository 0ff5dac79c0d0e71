import { MillraceError, toMillraceError } from '@millrace/contracts';
import type { Database } from '@millrace/database';
import type { EmbeddingProvider } from '@millrace/embeddings';
import type { Logger } from '@millrace/telemetry';
import type { EmbedderMetrics } from './metrics';

/** The text of a probe. */
export const probeText = 'Millrace asks whether the embedding provider answers.';

const probeTimeoutMs = 10_000;
/** The first pause of an outage, and the longest. The longest is the longest delay after the provider is back. */
const firstPauseMs = 1_000;
const longestPauseMs = 15_000;

/** The meaning of a failed call. */
export type Judgement =
  /** The provider works, so the texts are at fault. */
  | { blame: 'texts' }
  /** The provider does not work now. The chunks wait, and no attempt counts. */
  | { blame: 'provider'; pausedForMs: number }
  /** The provider refuses everything, or was unavailable for longer than work may wait. The chunks fail with this error. */
  | { blame: 'setup'; error: MillraceError };

export interface ProviderHealthOptions {
  database: Database;
  provider: EmbeddingProvider;
  /** After this long without a successful call, work fails instead of waiting. */
  maxOutageMs: number;
  logger: Logger;
  metrics: EmbedderMetrics;
  /** Ends a probe. */
  signal: AbortSignal;
}

/**
 * The circuit breaker around the provider. Its state is in the database (provider_pauses), so that one worker's rate limit
 * or failed call makes all workers wait. It opens when the provider limits the rate, or when a call has failed and a
 * probe, a call with a harmless text, fails as well. When the probe succeeds, the texts are at fault. After the pause the
 * next call is made. Each pause without a success in between is longer.
 */
export class ProviderHealth {
  /** True when the database has a pause, over or not, that the next success has to remove. */
  private hasPause = false;
  private probing: Promise<MillraceError | null> | undefined;

  constructor(private readonly options: ProviderHealthOptions) {}

  /** How long work with the provider has to wait, in milliseconds. 0 means that it can go on. */
  async pausedForMs(): Promise<number> {
    const { database, provider } = this.options;
    const pause = await database.providerPauses.find(provider.model);
    this.hasPause = pause !== null;
    return pause?.remainingMs ?? 0;
  }

  /** Ends a pause after a successful call. Every successful call has to be reported here. */
  async succeeded(): Promise<void> {
    if (this.hasPause) {
      this.hasPause = false;
      const { database, provider, logger } = this.options;
      await database.providerPauses.end(provider.model);
      logger.info({ model: provider.model }, 'the embedding provider works again');
    }
  }

  /** Decides what a failed call means. */
  async judge(error: MillraceError): Promise<Judgement> {
    if (error.code === 'EMBEDDING_RATE_LIMITED') {
      return this.pause(error);
    }
    const probed = await this.probe();
    if (probed === null) {
      return { blame: 'texts' };
    }
    return probed.retryable ? this.pause(probed) : { blame: 'setup', error: probed };
  }

  /** @returns null when the provider answers the probe, otherwise the error. Concurrent callers share one probe. */
  private async probe(): Promise<MillraceError | null> {
    this.probing ??= this.probeOnce().finally(() => {
      this.probing = undefined;
    });
    return this.probing;
  }

  private async probeOnce(): Promise<MillraceError | null> {
    const { provider, signal } = this.options;
    const deadline = AbortSignal.timeout(probeTimeoutMs);
    try {
      await provider.embed([probeText], { signal: AbortSignal.any([signal, deadline]) });
      await this.succeeded();
      return null;
    } catch (error) {
      signal.throwIfAborted();
      return deadline.aborted
        ? new MillraceError('EMBEDDING_TIMEOUT', `The embedding provider does not answer within ${probeTimeoutMs} ms.`)
        : toMillraceError(error);
    }
  }

  private async pause(error: MillraceError): Promise<Judgement> {
    const { database, provider, maxOutageMs, logger, metrics } = this.options;
    const pause = await database.providerPauses.begin({
      model: provider.model,
      atLeastMs: error.retryAfterMs ?? 0,
      firstMs: firstPauseMs,
      longestMs: longestPauseMs,
      code: error.code,
      message: error.message,
    });
    this.hasPause = true;
    if (pause.failingForMs > maxOutageMs) {
      return { blame: 'setup', error };
    }
    metrics.pauses.inc({ code: error.code });
    logger.warn(
      { code: error.code, reason: error.message, pausedForMs: Math.round(pause.remainingMs) },
      'the embedding provider is paused',
    );
    return { blame: 'provider', pausedForMs: pause.remainingMs };
  }
}
