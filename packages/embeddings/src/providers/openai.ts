import { z } from 'zod';
import { presetOf } from '../openai/modelPresets';
import { defineProvider } from '../providerModule';

const openaiAddress = 'https://api.openai.com/v1';

/** Any server with OpenAI's embeddings API: OpenAI itself, Ollama, vLLM, TEI. */
export const openai = defineProvider({
  name: 'openai',
  description: "any server with OpenAI's API, such as OpenAI, Ollama, vLLM or TEI.",
  defaultModel: 'text-embedding-3-small',
  inProcess: false,
  variables: {
    OPENAI_API_KEY: z
      .string()
      .trim()
      .min(1, 'must not be blank')
      .optional()
      .describe('The key of the openai provider. A server at OPENAI_BASE_URL may need none.'),
    OPENAI_BASE_URL: z
      .url({ protocol: /^https?$/, error: 'must be an address that begins with http:// or https://' })
      .optional()
      .meta({
        description: `The address of the server. ${openaiAddress} if not set.`,
        example: 'http://127.0.0.1:11434/v1',
      }),
    OPENAI_SEND_DIMENSIONS: z.enum(['auto', 'always', 'never'], 'must be auto, always or never').optional().meta({
      description:
        "Whether requests name EMBEDDING_DIMENSIONS. auto: only to OpenAI's text-embedding-3 models, because vLLM refuses it for models that cannot shorten their vectors. always: to have another model shorten them.",
      example: 'auto',
    }),
  },
  defaultsOf: presetOf,
  checkSettings({ OPENAI_API_KEY: key, OPENAI_BASE_URL: address }, prefix) {
    return key === undefined && address === undefined
      ? [
          {
            variable: 'OPENAI_API_KEY',
            message: `must be set when ${prefix}EMBEDDING_PROVIDER is openai and ${prefix}OPENAI_BASE_URL is not set`,
          },
        ]
      : [];
  },
  inheritSettings(next, current) {
    const address = next.OPENAI_BASE_URL ?? current.OPENAI_BASE_URL;
    // A key is only sent to the address that it was given for.
    const keptKey = isSameAddress(address, current.OPENAI_BASE_URL) ? current.OPENAI_API_KEY : undefined;
    return {
      OPENAI_BASE_URL: address,
      OPENAI_API_KEY: next.OPENAI_API_KEY ?? keptKey,
      OPENAI_SEND_DIMENSIONS: next.OPENAI_SEND_DIMENSIONS ?? current.OPENAI_SEND_DIMENSIONS,
    };
  },
  async create({ settings, model, dimensions, timeoutMs }) {
    // The SDK takes 150 ms to load, so only services that use it load it.
    const { openaiProvider }: typeof import('../openai/openaiProvider') = require('../openai/openaiProvider');
    return openaiProvider({
      apiKey: settings.OPENAI_API_KEY,
      baseUrl: settings.OPENAI_BASE_URL ?? openaiAddress,
      model,
      dimensions: sendsDimensions(settings.OPENAI_SEND_DIMENSIONS, model) ? dimensions : undefined,
      timeoutMs,
    });
  },
});

/** Routers such as LiteLLM put a name before the model's: "openai/text-embedding-3-small". */
function sendsDimensions(setting: 'auto' | 'always' | 'never' = 'auto', model: string): boolean {
  return setting === 'auto' ? /(^|[/:])text-embedding-3-/.test(model) : setting === 'always';
}

function isSameAddress(one = openaiAddress, other = openaiAddress): boolean {
  const plain = (address: string) => new URL(address).href.replace(/\/+$/, '');
  return plain(one) === plain(other);
}
