import type { Redis } from 'ioredis';

/** BullMQ's largest priority; 1 is the most urgent. */
export const lowestPriority = 2_097_152;

/** How often the virtual time of a queue is written, in milliseconds. */
const noteEveryMs = 50;

/**
 * Reserves the next places of collections. KEYS: the state, the waiting and the delayed deliveries of the queue. ARGV: the
 * steps of a unit of time, then for each place its collection, and 1 to take the place or 0 to look at the last one. A queue
 * without deliveries begins again at 0, so that the times stay small.
 * @returns the time, then a rank for each place
 */
const reserveScript = `
if redis.call('ZCARD', KEYS[2]) == 0 and redis.call('ZCARD', KEYS[3]) == 0 then redis.call('DEL', KEYS[1]) end
local steps = tonumber(ARGV[1])
local now = tonumber(redis.call('HGET', KEYS[1], 'now') or 0)
local answer = { now }
for i = 2, #ARGV, 2 do
  local last = math.max(now * steps, tonumber(redis.call('HGET', KEYS[1], ARGV[i]) or 0))
  if ARGV[i + 1] == '1' then
    last = last + 1
    redis.call('HSET', KEYS[1], ARGV[i], last)
  end
  answer[#answer + 1] = math.max(1, last - now * steps)
end
return answer`;

/** Moves the time of the queue forward, never back. KEYS: the state. ARGV: the time. */
const advanceScript = `
if tonumber(ARGV[1]) > tonumber(redis.call('HGET', KEYS[1], 'now') or 0) then redis.call('HSET', KEYS[1], 'now', ARGV[1]) end`;

/** A document whose deliveries need priorities. */
export interface Place {
  collectionId: string;
  /** Whether these are the document's first deliveries. Later ones share the place of those. */
  isFirst: boolean;
}

/**
 * Gives the deliveries of one queue such priorities that collections take turns (start-time fair queueing: Goyal, Vin and Cheng,
 * 1996). The queue has a virtual time, which is the priority of the last delivery that a worker has taken. A document's rank is
 * how many documents of its collection wait before it, and it is that many turns later than now. So a collection with one
 * document comes at once beside a collection with a thousand, and nobody waits for ever, because the time moves on.
 *
 * The state is in Redis and shared by all processes. Losing it costs the order and nothing else.
 */
export class FairShare {
  private taken = 0;
  private timer: NodeJS.Timeout | undefined;

  /** @param steps how many places of one collection make a unit of time */
  constructor(
    private readonly connection: Redis,
    private readonly keyOf: (part: string) => string,
    private readonly steps: number,
  ) {}

  /** Returns for each place a function from the number of a delivery in its document, from 0, to its priority. */
  async reserve(places: readonly Place[]): Promise<((index: number) => number)[]> {
    const [now = 0, ...ranks] = (await this.connection.eval(
      reserveScript,
      3,
      this.keyOf('fair'),
      this.keyOf('prioritized'),
      this.keyOf('delayed'),
      this.steps,
      ...places.flatMap(({ collectionId, isFirst }) => [collectionId, isFirst ? 1 : 0]),
    )) as number[];
    return ranks.map((rank) => (index) => Math.min(lowestPriority, now + Math.ceil((rank * (index + 1)) / this.steps)));
  }

  /** Notes that a worker has taken a delivery of this priority. */
  note(priority: number): void {
    this.taken = Math.max(this.taken, priority);
    this.timer ??= setTimeout(() => void this.write(), noteEveryMs).unref();
  }

  private async write(): Promise<void> {
    const { taken } = this;
    this.taken = 0;
    this.timer = undefined;
    // Without Redis there is no order to keep.
    await this.connection.eval(advanceScript, 1, this.keyOf('fair'), taken).catch(() => undefined);
  }

  /** Ends what is under way. */
  close(): void {
    clearTimeout(this.timer);
  }
}
