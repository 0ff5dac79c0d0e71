import { type OpenAiRequest, type OpenAiServer, startOpenAiServer } from '@millrace/test-support';

/** An embedding provider that remembers what was paid for: the texts of every call it has answered with vectors. */
export class PayingProvider {
  paid: string[] = [];

  private constructor(readonly server: OpenAiServer) {}

  static async start(): Promise<PayingProvider> {
    const provider = new PayingProvider(await startOpenAiServer());
    provider.mend();
    return provider;
  }

  /** From now on every call is answered. */
  mend(): void {
    this.server.respondWith((request) => this.answer(request));
  }

  /** From now on one text, the last of the next call, is answered with this status, and so is a call that holds it. */
  refuseOneText(status: number): { text: () => string } {
    let refused: string | undefined;
    this.server.respondWith((request) => {
      refused ??= request.input.at(-1) ?? '';
      return request.input.includes(refused) ? { status } : this.answer(request);
    });
    return { text: () => refused ?? '' };
  }

  /** From now on a call is answered only once it has been released. */
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
