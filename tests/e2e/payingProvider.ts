import { type OpenAiRequest, type OpenAiServer, startOpenAiServer } from '@millrace/test-support';

/** An embedding provider that records what was paid for: the texts of every call that it answered with vectors. */
export class PayingProvider {
  paid: string[] = [];

  private constructor(readonly server: OpenAiServer) {}

  static async start(): Promise<PayingProvider> {
    const provider = new PayingProvider(await startOpenAiServer());
    provider.mend();
    return provider;
  }

  /** Answers every call from now on. */
  mend(): void {
    this.server.respondWith((request) => this.answer(request));
  }

  /** Refuses the last text of the next call from now on. Every call with this text gets this status. */
  refuseOneText(status: number): { text: () => string } {
    let refused: string | undefined;
    this.server.respondWith((request) => {
      refused ??= request.input.at(-1) ?? '';
      return request.input.includes(refused) ? { status } : this.answer(request);
    });
    return { text: () => refused ?? '' };
  }

  /** Answers no call until `release` is called. */
  holdAnswers(): { release: () => void } {
    let release: () => void = () => undefined;
    const released = new Promise<void>((resolve) => {
      release = resolve;
    });
    this.server.respondWith(async (request) => {
      await released;
      return this.answer(request);
    });
    return { release: () => release() };
  }

  private answer(request: OpenAiRequest): 'ok' {
    this.paid.push(...request.input);
    return 'ok';
  }
}
