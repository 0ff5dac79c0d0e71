import { newId } from '@millrace/contracts';
import type { ChunkClaim, ClaimedChunk } from '@millrace/lifecycle';

/** Chunks of one claim that are worked on together. */
export interface Part {
  /** The lease on the chunks. */
  token: string;
  /** What their texts are claimed under: two parts that are worked on side by side may hold the same text. */
  textToken: string;
  chunks: readonly ClaimedChunk[];
}

/** Pushes the deadlines of a claim forward; `signal` says that nothing of it is in hand any more. */
export type Renew = (token: string, textTokens: readonly string[], signal: AbortSignal) => Promise<void>;

/**
 * A claim in work: its lease is renewed as long as any part of it is in hand. Parts of one claim may end at different
 * times, the failed ones later than the others.
 */
export class HeldClaim {
  private readonly textTokens = new Set<string>();
  private inHand = 0;
  private ended = new AbortController();
  private timer: NodeJS.Timeout | undefined;
  private renewal: AbortController | undefined;

  constructor(
    private readonly claim: ChunkClaim,
    private readonly renew: Renew,
    private readonly everyMs: number,
  ) {}

  /** A part of the claim, whose texts are claimed apart from every other part's. */
  part(chunks: readonly ClaimedChunk[]): Part {
    const textToken = newId();
    this.textTokens.add(textToken);
    return { token: this.claim.token, textToken, chunks };
  }

  /** Does `work` on a part of the claim. */
  async during<T>(work: () => Promise<T>): Promise<T> {
    this.inHand += 1;
    this.timer ??= setInterval(() => void this.renewOnce(), this.everyMs);
    try {
      return await work();
    } finally {
      this.inHand -= 1;
      if (this.inHand === 0) {
        clearInterval(this.timer);
        this.timer = undefined;
        this.ended.abort();
        this.ended = new AbortController();
      }
    }
  }

  private async renewOnce(): Promise<void> {
    // In place of one that still tries: on a connection that hangs it would keep every later one from trying.
    this.renewal?.abort();
    const renewal = new AbortController();
    this.renewal = renewal;
    await this.renew(this.claim.token, [...this.textTokens], AbortSignal.any([this.ended.signal, renewal.signal]));
  }
}
