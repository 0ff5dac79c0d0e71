/**
 * Reads something at most once in `maxAgeMs`, however often it is asked for. A reading that fails or takes longer than
 * `timeoutMs` gives null, and `onFailure` gets the reason.
 */
export function cachedReading<T>(options: {
  read: () => Promise<T>;
  maxAgeMs: number;
  timeoutMs: number;
  onFailure: (error: unknown) => void;
}): () => Promise<T | null> {
  const { read, maxAgeMs, timeoutMs, onFailure } = options;
  let reading: Promise<T | null> | undefined;
  let readAt = Number.NEGATIVE_INFINITY;
  return () => {
    if (reading === undefined || performance.now() - readAt >= maxAgeMs) {
      readAt = performance.now();
      reading = withTimeout(read(), timeoutMs).catch((error: unknown) => {
        onFailure(error);
        return null;
      });
    }
    return reading;
  };
}

async function withTimeout<T>(work: Promise<T>, ms: number): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const deadline = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`There was no answer within ${ms} ms.`)), ms);
  });
  try {
    return await Promise.race([work, deadline]);
  } finally {
    clearTimeout(timer);
  }
}
