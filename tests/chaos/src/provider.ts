import { probeText } from '@millrace/embedder';
import { type OpenAiReply, type OpenAiServer, startOpenAiServer } from '@millrace/test-support';
import { editionsQuery } from './editions';
import type { FaultKind } from './plan';
import type { Random } from './random';

/** A request for vectors, as the provider saw it. Probes and queries are left out. */
export interface ProviderCall {
  /** Its API key, which names the process. */
  caller: string;
  texts: string[];
  at: number;
  /** When it was answered. Infinity when it never was. */
  answeredAt: number;
  /** 'ok', or the fault of the provider at that time. */
  answer: 'ok' | FaultKind;
  /** True when the client hung up before the answer. */
  hungUp: boolean;
}

const replies: Partial<Record<FaultKind, OpenAiReply>> = {
  'provider-limits-rate': { status: 429, headers: { 'retry-after': '1' } },
  'provider-fails': { status: 500 },
  'provider-sends-garbage': { garbage: true },
  'provider-sends-too-few': { tooFew: 1 },
  'provider-hangs': { hang: true },
};

/** The embedding provider of a run. It is as slow as a real one, has faults on demand and records every call. */
export class Provider {
  readonly calls: ProviderCall[] = [];
  /** The current fault. */
  fault: FaultKind | undefined;
  /** True when it answers without delay. */
  isQuick = false;
  private readonly inFlight = new Map<ProviderCall, string>();

  private constructor(
    private readonly server: OpenAiServer,
    private readonly random: Random,
    private readonly latencyMs: readonly [min: number, max: number],
  ) {}

  static async start(random: Random, latencyMs: readonly [min: number, max: number]): Promise<Provider> {
    const server = await startOpenAiServer();
    const provider = new Provider(server, random, latencyMs);
    server.respondWith((request) => {
      const caller = request.headers.authorization?.replace('Bearer ', '') ?? '';
      return provider.answer(caller, request.input, request.hungUp);
    });
    return provider;
  }

  /** For OPENAI_BASE_URL. */
  get baseUrl(): string {
    return this.server.baseUrl;
  }

  /** The keys of the processes whose calls wait for an answer. */
  callersInFlight(): string[] {
    return [...this.inFlight.values()];
  }

  close(): Promise<void> {
    return this.server.close();
  }

  private async answer(caller: string, texts: string[], hungUp: AbortSignal): Promise<OpenAiReply> {
    if (texts.every((text) => text === editionsQuery)) {
      // Searches look at the database as often as they can.
      return 'ok';
    }
    const isProbe = texts.every((text) => text === probeText);
    const call: ProviderCall = {
      caller,
      texts,
      at: Date.now(),
      answeredAt: Number.POSITIVE_INFINITY,
      answer: 'ok',
      hungUp: false,
    };
    if (!isProbe) {
      this.calls.push(call);
      this.inFlight.set(call, caller);
    }
    const latencyMs = this.isQuick ? 0 : this.random.int(...this.latencyMs);
    await new Promise((resolve) => setTimeout(resolve, latencyMs));
    this.inFlight.delete(call);
    call.hungUp = hungUp.aborted;
    const reply = this.fault === undefined ? undefined : replies[this.fault];
    call.answer = reply === undefined ? 'ok' : (this.fault ?? 'ok');
    if (this.fault !== 'provider-hangs') {
      call.answeredAt = Date.now();
    }
    return reply ?? 'ok';
  }
}
