import { newId } from '@millrace/contracts';
import type { ChunkClaim, ClaimedChunk } from '@millrace/lifecycle';
import { renewLease } from '@millrace/runtime';
import type { Logger } from '@millrace/telemetry';

/** A claimed chunk with what is embedded of it. */
export interface EmbeddableChunk extends ClaimedChunk {
  /** The text of the chunk, after its context. */
  embeddedText: string;
  /** The hash of that text. */
  embeddingHash: string;
}

/** Chunks of one claim that are worked on together. */
export interface Part {
  /** The token of the lease on the chunks. */
  token: string;
  /** The token under which their texts are claimed. Two parts that are worked on side by side may hold the same text. */
  textToken: string;
  chunks: readonly EmbeddableChunk[];
}

export interface HeldClaimOptions {
  leaseMs: number;
  /** Moves the deadlines of the claim and of its texts forward. */
  renew: (token: string, textTokens: readonly string[]) => Promise<void>;
  logger: Logger;
}

/**
 * A claim that is worked on. Its lease is renewed while any part of it is worked on. The parts of one claim may end at
 * different times, the failed ones later than the others.
 */
export class HeldClaim {
  private readonly textTokens = new Set<string>();
  private runningParts = 0;
  private endRenewal: (() => void) | undefined;

  constructor(
    private readonly claim: ChunkClaim,
    private readonly options: HeldClaimOptions,
  ) {}

  /** Makes a part of the claim. The texts of each part are claimed separately. */
  part(chunks: readonly EmbeddableChunk[]): Part {
    const textToken = newId();
    this.textTokens.add(textToken);
    return { token: this.claim.token, textToken, chunks };
  }

  /** Does `work` on a part of the claim. */
  async during<T>(work: () => Promise<T>): Promise<T> {
    this.runningParts += 1;
    this.endRenewal ??= this.startRenewal();
    try {
      return await work();
    } finally {
      this.runningParts -= 1;
      if (this.runningParts === 0) {
        this.endRenewal?.();
        this.endRenewal = undefined;
      }
    }
  }

  private startRenewal(): () => void {
    const { leaseMs, renew, logger } = this.options;
    return renewLease({ leaseMs, renew: () => renew(this.claim.token, [...this.textTokens]), logger });
  }
}
