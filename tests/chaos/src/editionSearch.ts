import { setTimeout as sleep } from 'node:timers/promises';
import type { SearchResponse } from '@millrace/contracts';
import { testApiKey } from '@millrace/test-support';
import { editionsId, editionsMetadata, editionsQuery } from './editions';

const everyMs = 50;
const answerTimeoutMs = 20_000;
/** The last version is found within this time after all documents have ended. */
const lastWithinMs = 60_000;

type Hit = SearchResponse['hits'][number];

/** Ways to search. All but the last find every chunk of the current version. */
const requests = [{ external_id: editionsId }, { filter: { metadata: editionsMetadata } }, {}];

/**
 * Searches all the time while one version follows another. Each answer must be of one version, and whole: never of two, never of
 * none, and never of a version before the one that was found last. Only the first version is found while it is being embedded.
 */
export class EditionSearch {
  readonly problems: string[] = [];
  searches = 0;
  readonly found = new Set<number>();
  /** The version that was found last. */
  private newest = 0;
  /** True once the first version was found whole. */
  private isComplete = false;
  private readonly stopping = new AbortController();
  private readonly running: Promise<void>;

  constructor(private readonly apiUrl: () => string | undefined) {
    this.running = this.searchOn();
  }

  /** Waits until this version is found, and stops. @returns what was wrong in all answers. */
  async finish(last: number): Promise<string[]> {
    const deadline = Date.now() + lastWithinMs;
    while (this.newest !== last && Date.now() < deadline) {
      await sleep(everyMs);
    }
    await this.stop();
    return this.newest === last
      ? this.problems
      : [...this.problems, `At the end a search found edition ${this.newest}, not ${last}.`];
  }

  async stop(): Promise<void> {
    this.stopping.abort();
    await this.running;
  }

  private async searchOn(): Promise<void> {
    const { signal } = this.stopping;
    for (let i = 0; !signal.aborted; i += 1) {
      const request = requests[i % requests.length] ?? {};
      const hits = await this.search(request).catch(() => null);
      if (hits !== null) {
        this.searches += 1;
        const problem = this.check(hits, Object.keys(request).length > 0);
        if (problem !== null) {
          const texts = hits.map(({ version, text }) => `${version}: ${text.slice(0, 30)}`);
          this.problems.push(`A search for ${JSON.stringify(request)} ${problem}: ${texts.join(', ')}`);
        }
      }
      await sleep(everyMs, undefined, { signal }).catch(() => undefined);
    }
  }

  /** @returns the hits in the versions; null when no answer came, or one that says to try again. */
  private async search(request: object): Promise<Hit[] | null> {
    const response = await fetch(`${this.apiUrl()}/api/v1/search`, {
      method: 'POST',
      headers: { authorization: `Bearer ${testApiKey}`, 'content-type': 'application/json' },
      body: JSON.stringify({ ...request, query: editionsQuery, limit: 100 }),
      signal: AbortSignal.any([this.stopping.signal, AbortSignal.timeout(answerTimeoutMs)]),
    });
    if (!response.ok) {
      return null;
    }
    const { hits } = (await response.json()) as SearchResponse;
    return hits.filter((hit) => hit.external_id === editionsId);
  }

  /** @returns what is wrong. */
  private check(hits: readonly Hit[], findsAll: boolean): string | null {
    const places = hits.map(placeOf);
    const [first] = places;
    if (first === undefined) {
      return findsAll && this.newest > 0 ? 'found no version' : null;
    }
    if (places.some(({ edition }) => edition !== first.edition)) {
      return 'found chunks of two versions';
    }
    if (first.edition < this.newest) {
      return `found a version older than edition ${this.newest}`;
    }
    const isWhole = new Set(places.map(({ page }) => page)).size === first.pages && places.length === first.pages;
    if (findsAll && !isWhole && (first.edition > 1 || this.isComplete)) {
      return `found a part of edition ${first.edition}`;
    }
    this.isComplete ||= findsAll && isWhole;
    this.newest = first.edition;
    this.found.add(first.edition);
    return null;
  }
}

function placeOf({ text }: Hit): { edition: number; page: number; pages: number } {
  const [, edition, page, pages] = (/Edition (\d+), page (\d+) of (\d+)/.exec(text) ?? []).map(Number);
  return { edition: edition ?? 0, page: page ?? 0, pages: pages ?? 0 };
}
