import { probeText } from '@millrace/embedder';
import { type OpenAiReply, type OpenAiServer, startOpenAiServer } from '@millrace/test-support';
import type { FaultKind } from './plan';
import type { Random } from './random';

/** One request for vectors, as the provider saw it. Requests with nothing but the probe text are not among them. */
export interface ProviderCall {
  /** The API key it came with, which names the process. */
  caller: string;
  texts: string[];
  at: number;
  /** When it was answered; the end of time for one that never was. */
  answeredAt: number;
  /** 'ok', or the fault that it met. */
  answer: 'ok' | FaultKind;
  /** The client had hung up before the answer came. */
  hungUp: boolean;
}

const replies: Partial<Record<FaultKind, OpenAiReply>> = {
  'provider-limits-rate': { status: 429, headers: { 'retry-after': '1' } },
  'provider-fails': { status: 500 },
  'provider-sends-garbage': { garbage: true },
  'provider-sends-too-few': { tooFew: 1 },
  'provider-hangs': { hang: true },
};

/** The embedding provider of a run: slow as a real one, faulty on demand, and keeping a record of every call. */
export class Provider {
  readonly calls: ProviderCall[] = [];
  /** The fault that it has just now. */
  fault: FaultKind | undefined;
  /** True when it takes no time any more. */
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

  /** Those whose calls wait for an answer. */
  callersInFlight(): string[] {
    return [...this.inFlight.values()];
  }

  close(): Promise<void> {
    return this.server.close();
  }

  private async answer(caller: string, texts: string[], hungUp: AbortSignal): Promise<OpenAiReply> {
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
