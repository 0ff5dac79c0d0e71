/**
 * Fetches as `fetch`, and gives every error answer the shape of OpenAI's. The SDK reads only `error.message`. TEI and older
 * versions of vLLM send `message`, Ollama's own API and some proxies send `error` as text, and FastAPI sends `detail`.
 */
export async function fetchWithWords(...request: Parameters<typeof fetch>): Promise<Response> {
  const response = await fetch(...request);
  if (response.status < 400) {
    return response;
  }
  const body = await response.text();
  const { status, headers } = response;
  return new Response(JSON.stringify({ error: { message: wordsOf(body) } }), { status, headers });
}

function wordsOf(body: string): string {
  try {
    const { error, message, detail } = Object(JSON.parse(body));
    const words: unknown = error?.message ?? error ?? message ?? detail ?? body;
    return typeof words === 'string' ? words : JSON.stringify(words);
  } catch {
    return body;
  }
}
