// The health check of a container. It exits with 0 when the URL answers 200. The image has no curl.
const [url] = process.argv.slice(2);
try {
  const { status } = await fetch(url, { signal: AbortSignal.timeout(4_000) });
  process.exitCode = status === 200 ? 0 : 1;
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
}
